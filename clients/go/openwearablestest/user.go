package openwearablestest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// NewUser creates a user with the id of your own backend, or without one if that is "", and
// returns the user's id.
func (s *Server) NewUser(externalUserID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := &owv1.User{}
	if externalUserID != "" {
		u.ExternalUserId = &externalUserID
	}
	return s.addUser(u).GetId()
}

func (s *Server) addUser(u *owv1.User) *owv1.User {
	u.Id, u.CreatedAt = newUUID(), timestamppb.New(s.now())
	s.users.items = append(s.users.items, u)
	return u
}

func (s *Server) user(id string) (*owv1.User, error) {
	u, ok := s.users.find(func(u *owv1.User) bool { return u.GetId() == id })
	if !ok {
		return nil, notFound("User")
	}
	return u, nil
}

// unique returns the refusal of a user who has what another one has.
func (s *Server) unique(u *owv1.User) error {
	for _, other := range s.users.items {
		switch {
		case other.GetId() == u.GetId():
		case u.Email != nil && strings.EqualFold(other.GetEmail(), u.GetEmail()):
			return taken("email", "user")
		case u.ExternalUserId != nil && other.GetExternalUserId() == u.GetExternalUserId():
			return taken("external_user_id", "user")
		}
	}
	return nil
}

type users struct {
	owv1connect.UnimplementedUserServiceHandler
	s *Server
}

// profile checks what a request writes, and trims it.
func profile(first, last, email, external *string) (*owv1.User, error) {
	var v check
	u := &owv1.User{
		FirstName: v.optionalName("first_name", first, 1, 100), LastName: v.optionalName("last_name", last, 1, 100), ExternalUserId: external,
	}
	if v.optional("external_user_id", external, 255); external != nil && *external == "" {
		v.fail("external_user_id", "must not be empty; send null for none")
	}
	if email != nil {
		u.Email = new(v.email("email", *email))
	}
	return u, v.err()
}

// email checks an address and trims it.
func (v *check) email(field, s string) string {
	s = strings.Trim(s, " ")
	if !v.text(field, s, 3, 254) {
		return s
	}
	local, domain, _ := strings.Cut(s, "@")
	switch {
	case strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }):
		v.fail(field, "must hold no space and no invisible character")
	case local == "" || domain == "" || strings.Contains(domain, "@"):
		v.fail(field, "must be an email address")
	}
	return s
}

func (h users) CreateUser(ctx context.Context, r *owv1.CreateUserRequest) (*owv1.CreateUserResponse, error) {
	p, err := callOf(ctx).require("users:write")
	if err != nil {
		return nil, err
	}
	u, err := profile(r.FirstName, r.LastName, r.Email, r.ExternalUserId)
	if err != nil {
		return nil, err
	}
	return once(ctx, h.s, "CreateUser", p.id, u, func() (*owv1.CreateUserResponse, error) {
		if err := h.s.unique(u); err != nil {
			return nil, err
		}
		return &owv1.CreateUserResponse{User: proto.CloneOf(h.s.addUser(u))}, nil
	})
}

func (h users) GetUser(ctx context.Context, r *owv1.GetUserRequest) (*owv1.GetUserResponse, error) {
	id, err := uuid("id", r.GetId())
	if err != nil {
		return nil, err
	}
	if err := callOf(ctx).requireOwner("users:read", id); err != nil {
		return nil, err
	}
	u, err := h.s.user(id)
	if err != nil {
		return nil, err
	}
	return &owv1.GetUserResponse{User: proto.CloneOf(u)}, nil
}

func (h users) UpdateUser(ctx context.Context, r *owv1.UpdateUserRequest) (*owv1.UpdateUserResponse, error) {
	changes, err := changesOf(r.GetUpdateMask(), map[string]bool{
		"first_name": r.FirstName != nil, "last_name": r.LastName != nil, "email": r.Email != nil, "external_user_id": r.ExternalUserId != nil,
	})
	if err != nil {
		return nil, err
	}
	id, err := uuid("id", r.GetId())
	if err != nil {
		return nil, err
	}
	if _, err := callOf(ctx).require("users:write"); err != nil {
		return nil, err
	}
	given := func(field string, s *string) *string {
		if changes[field] {
			return s
		}
		return nil
	}
	patch, err := profile(given("first_name", r.FirstName), given("last_name", r.LastName), given("email", r.Email), given("external_user_id", r.ExternalUserId))
	if err != nil {
		return nil, err
	}
	u, err := h.s.user(id)
	if err != nil {
		return nil, err
	}
	next := proto.CloneOf(u)
	for field, change := range map[string]struct{ to, from **string }{
		"first_name": {&next.FirstName, &patch.FirstName}, "last_name": {&next.LastName, &patch.LastName},
		"email": {&next.Email, &patch.Email}, "external_user_id": {&next.ExternalUserId, &patch.ExternalUserId},
	} {
		if changes[field] {
			*change.to = *change.from
		}
	}
	if err := h.s.unique(next); err != nil {
		return nil, err
	}
	proto.Reset(u)
	proto.Merge(u, next)
	return &owv1.UpdateUserResponse{User: next}, nil
}

func (h users) DeleteUser(ctx context.Context, r *owv1.DeleteUserRequest) (*owv1.DeleteUserResponse, error) {
	id, err := uuid("id", r.GetId())
	if err != nil {
		return nil, err
	}
	if _, err := callOf(ctx).require("users:write"); err != nil {
		return nil, err
	}
	u, err := h.s.user(id)
	if err != nil {
		return nil, err
	}
	h.s.end(func(one *session) bool { return one.user == id })
	delete(h.s.workouts, id)
	h.s.users.items = slices.DeleteFunc(h.s.users.items, func(other *owv1.User) bool { return other == u })
	return &owv1.DeleteUserResponse{User: u}, nil
}

// userQuery is what a list of users asks for.
type userQuery struct {
	SortBy, Order, Search, Email, External string
}

var userOrders = []string{"created_at", "email", "first_name", "last_name", "last_synced_at"}

func (h users) ListUsers(ctx context.Context, r *owv1.ListUsersRequest) (*owv1.ListUsersResponse, error) {
	if _, err := callOf(ctx).require("users:read"); err != nil {
		return nil, err
	}
	var v check
	q := userQuery{cmp.Or(r.GetSortBy(), "created_at"), cmp.Or(r.GetSortOrder(), "desc"), strings.ToLower(r.GetSearch()), strings.ToLower(strings.Trim(r.GetEmail(), " ")), r.GetExternalUserId()}
	number := 1
	if r.Page != nil {
		number = int(r.GetPage())
	}
	v.between("page", number, 1, 1<<31-1)
	limit := v.limit(r.Limit, 20)
	v.oneOf("sort_by", r.SortBy, userOrders...)
	v.oneOf("sort_order", r.SortOrder, "asc", "desc")
	v.optional("search", r.Search, 255)
	v.optional("email", r.Email, 254)
	v.optional("external_user_id", r.ExternalUserId, 255)
	filters, _ := json.Marshal(q) // plain values always marshal
	if r.Cursor != nil {
		number = 1
		if !openCursor("users:"+string(filters), r.GetCursor(), &number) {
			v.fail("cursor", "must be a next_cursor of the same list with the same filters")
		}
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	found := h.s.find(q)
	from := min((number-1)*limit, len(found))
	until := min(from+limit, len(found))
	out := &owv1.ListUsersResponse{
		Items: found[from:until], Total: int32(len(found)), Page: int32(number), Limit: int32(limit),
		Pages: int32((len(found) + limit - 1) / limit), HasNext: until < len(found), HasPrev: number > 1,
	}
	if out.HasNext {
		out.NextCursor = sealCursor("users:"+string(filters), number+1)
	}
	return out, nil
}

func (v *check) oneOf(field string, s *string, set ...string) {
	if s != nil && !slices.Contains(set, *s) {
		v.fail(field, "must be one of "+strings.Join(set, ", "))
	}
}

// find returns copies of the users that match, in order.
func (s *Server) find(q userQuery) []*owv1.User {
	var found []*owv1.User
	for _, u := range s.users.items {
		text := strings.ToLower(strings.Join([]string{u.GetFirstName(), u.GetLastName(), u.GetEmail(), u.GetExternalUserId()}, "\n"))
		if strings.Contains(text, q.Search) && (q.Email == "" || strings.ToLower(u.GetEmail()) == q.Email) &&
			(q.External == "" || u.GetExternalUserId() == q.External) {
			found = append(found, proto.CloneOf(u))
		}
	}
	slices.SortFunc(found, func(a, b *owv1.User) int {
		n := cmp.Or(cmp.Compare(sortValue(a, q.SortBy), sortValue(b, q.SortBy)), cmp.Compare(a.GetId(), b.GetId()))
		if q.Order == "desc" {
			return -n
		}
		return n
	})
	return found
}

// sortValue returns what a user is sorted by; who has none comes first.
func sortValue(u *owv1.User, by string) string {
	switch by {
	case "email":
		return u.GetEmail()
	case "first_name":
		return u.GetFirstName()
	case "last_name":
		return u.GetLastName()
	case "last_synced_at":
		if u.LastSyncedAt == nil {
			return ""
		}
		return u.GetLastSyncedAt().AsTime().Format(timeOrder)
	default:
		return u.GetCreatedAt().AsTime().Format(timeOrder)
	}
}

// timeOrder is a form in which times are ordered as texts.
const timeOrder = "2006-01-02T15:04:05.000000"
