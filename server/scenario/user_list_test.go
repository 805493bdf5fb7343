package scenario_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// person is a user in the tests of listing. An empty string means null.
type person struct {
	id, first, last, email, external, created, synced string
}

func (p person) value(column string) string {
	return map[string]string{
		"created_at": p.created, "email": p.email, "first_name": p.first,
		"last_name": p.last, "last_synced_at": p.synced,
	}[column]
}

// makePeople creates users with ties, nulls and both cases in every column that users can be sorted
// by.
func makePeople(t *testing.T, n *node, d driver, admin string) []person {
	t.Helper()
	var all []person
	for i := range 23 {
		n.clock.advance(time.Second)
		p := person{external: "ext_" + strconv.Itoa(i)}
		in := args{"external_user_id": p.external}
		if i%3 != 0 {
			p.first = []string{"ada", "Ada", "Émile", "zoë", "100%"}[i%5]
			in["first_name"] = p.first
		}
		if i%4 != 0 {
			p.last = []string{"Byron", "byron_x"}[i%2]
			in["last_name"] = p.last
		}
		if i%5 != 0 {
			p.email = fmt.Sprintf("%c%d@Example.com", 'A'+(i*7)%26+32*(i%2), i)
			in["email"] = p.email
		}
		made := d.call(t, "CreateUser", in, bearer(admin)).want(t, 201, "")
		p.id, p.created = made.str("id"), sortable(made.timeOf(t, "created_at"))
		if i%2 == 0 {
			w := args{"external_id": "w", "type": "run", "start_time": "2026-03-02T07:00:00Z", "end_time": "2026-03-02T07:30:00Z", "source": args{"provider": "apple"}}
			d.call(t, "UpsertWorkouts", args{"user_id": p.id, "workouts": []args{w}}, bearer(admin)).want(t, 200, "")
			p.synced = sortable(d.call(t, "GetUser", args{"id": p.id}, bearer(admin)).timeOf(t, "last_synced_at"))
		}
		all = append(all, p)
	}
	return all
}

func sortable(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000") }

// wantOrder returns the ids in the expected order: nulls last if descending and first if ascending,
// and ties by id in the same direction.
func wantOrder(all []person, column, order string) []string {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b person) int {
		c := cmp.Or(strings.Compare(a.value(column), b.value(column)), strings.Compare(a.id, b.id))
		if order == "desc" {
			return -c
		}
		return c
	})
	ids := make([]string, len(all))
	for i, p := range all {
		ids[i] = p.id
	}
	return ids
}

func idsOf(items []any) []string {
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i], _ = item.(map[string]any)["id"].(string)
	}
	return ids
}

// TestListUsers compares every order with a model, read by pages and by cursors.
func TestListUsers(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	admin, _ := n.login(t, n.drivers()[0])
	all := makePeople(t, n, n.drivers()[0], admin)
	for _, d := range n.drivers() {
		list := func(in args) answer {
			t.Helper()
			return d.call(t, "ListUsers", in, bearer(admin)).want(t, 200, "")
		}
		if got := idsOf(list(nil).list("items")); !slices.Equal(got, wantOrder(all, "created_at", "desc")[:20]) {
			t.Errorf("%s: the first page by default is %v", d.name(), got)
		}
		for _, column := range []string{"created_at", "email", "first_name", "last_name", "last_synced_at"} {
			for _, order := range []string{"asc", "desc"} {
				walkUsers(t, list, args{"sort_by": column, "sort_order": order}, wantOrder(all, column, order), 7)
			}
		}
		walkUsers(t, list, args{"search": "ADA"}, wantOrder(filterPeople(all, func(p person) bool { return strings.EqualFold(p.first, "ada") }), "created_at", "desc"), 2)
		for search, match := range map[string]func(person) bool{
			"BYRON":        func(p person) bool { return p.last != "" },
			"byron_x":      func(p person) bool { return p.last == "byron_x" },
			"n_x":          func(p person) bool { return p.last == "byron_x" },
			"%":            func(p person) bool { return p.first == "100%" },
			"_":            func(person) bool { return true }, // part of every external id
			"a by":         func(p person) bool { return strings.EqualFold(p.first, "ada") && p.last != "" },
			"ÉMILE":        func(p person) bool { return p.first == "Émile" },
			"E\u0301mile":  func(p person) bool { return p.first == "Émile" },
			"@example.COM": func(p person) bool { return p.email != "" },
			"EXT_7":        func(p person) bool { return p.external == "ext_7" },
			"!":            func(person) bool { return false },
			`' OR 1=1 --`:  func(person) bool { return false },
		} {
			got := list(args{"search": search, "limit": 100})
			want := wantOrder(filterPeople(all, match), "created_at", "desc")
			if !slices.Equal(idsOf(got.list("items")), want) || got.Body.(map[string]any)["total"] != float64(len(want)) {
				t.Errorf("%s: search %q finds %d (total %v), want %d", d.name(), search, len(got.list("items")), got.Body.(map[string]any)["total"], len(want))
			}
		}
		p := all[1]
		for _, in := range []args{
			{"email": strings.ToUpper(p.email)},
			{"external_user_id": p.external},
			{"email": p.email, "external_user_id": p.external, "search": "ADA"},
		} {
			if got := idsOf(list(in).list("items")); !slices.Equal(got, []string{p.id}) {
				t.Errorf("%s: %v finds %v", d.name(), in, got)
			}
		}
		for _, in := range []args{
			{"email": p.email[1:]}, {"external_user_id": strings.ToUpper(p.external)}, {"email": p.email, "external_user_id": "ext_2"}, {"page": 2147483647},
		} {
			if got := list(in); len(got.list("items")) != 0 || got.Body.(map[string]any)["has_next"] != false {
				t.Errorf("%s: %v finds %v", d.name(), in, got.Body)
			}
		}
	}
}

func filterPeople(all []person, match func(person) bool) []person {
	return slices.DeleteFunc(slices.Clone(all), func(p person) bool { return !match(p) })
}

// walkUsers reads a list once by pages and once by cursors.
func walkUsers(t *testing.T, list func(args) answer, in args, want []string, limit int) {
	t.Helper()
	in["limit"] = limit
	pages := (len(want) + limit - 1) / limit
	cursor := ""
	for page := 1; page <= pages; page++ {
		from, to := (page-1)*limit, min(page*limit, len(want))
		byPage, byCursor := maps.Clone(in), maps.Clone(in)
		byPage["page"] = page
		answers := []answer{list(byPage)}
		if byCursor["cursor"] = cursor; cursor != "" {
			answers = append(answers, list(byCursor))
		}
		for _, a := range answers {
			body := a.Body.(map[string]any)
			if got := idsOf(a.list("items")); !slices.Equal(got, want[from:to]) {
				t.Errorf("%v: page %d is %v, want %v", in, page, got, want[from:to])
			}
			for name, v := range map[string]any{
				"total": float64(len(want)), "page": float64(page), "limit": float64(limit), "pages": float64(pages),
				"has_next": page < pages, "has_prev": page > 1,
			} {
				if body[name] != v {
					t.Errorf("%v: page %d has %s %v, want %v", in, page, name, body[name], v)
				}
			}
			if cursor = a.str("next_cursor"); (cursor != "") != (page < pages) {
				t.Errorf("%v: page %d of %d has next_cursor %q", in, page, pages, cursor)
			}
		}
	}
}

// TestUserCursorsAreBoundToTheirList checks that a cursor is opaque, valid only for its own list,
// and stable while users are added and deleted.
func TestUserCursorsAreBoundToTheirList(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		var want []string
		for range 6 {
			n.clock.advance(time.Second)
			want = append(want, n.newUser(t, d, admin))
		}
		slices.Reverse(want)
		first := d.call(t, "ListUsers", args{"limit": 3}, bearer(admin)).want(t, 200, "")
		cursor := first.str("next_cursor")
		n.newUser(t, d, admin)
		d.call(t, "DeleteUser", args{"id": want[2]}, bearer(admin)).want(t, 200, "") // the cursor's own position
		second := d.call(t, "ListUsers", args{"limit": 3, "cursor": cursor}, bearer(admin)).want(t, 200, "")
		if got := append(idsOf(first.list("items")), idsOf(second.list("items"))...); !slices.Equal(got, want) {
			t.Errorf("while users came and went the list was %v, want %v", got, want)
		}
		flipped := []byte(cursor)
		flipped[len(flipped)/2] ^= 1
		user := n.newUser(t, d, admin)
		for range 2 {
			putWorkouts(t, d, admin, user, halfHourRun("c"+uuid.NewString(), "2026-03-02T07:00:00Z"))
		}
		workouts := d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07", "limit": 1}, bearer(admin)).want(t, 200, "")
		foreign := workouts.Body.(map[string]any)["pagination"].(map[string]any)["next_cursor"].(string)
		for _, in := range []args{
			{"cursor": "x"},
			{"cursor": ""},
			{"cursor": string(flipped)},
			{"cursor": cursor + "A"},
			{"cursor": cursor[:len(cursor)-1]},
			{"cursor": foreign},
			{"cursor": cursor, "sort_by": "email"},
			{"cursor": cursor, "sort_order": "asc"},
			{"cursor": cursor, "search": "a"},
			{"cursor": cursor, "email": "a@b.c"},
			{"cursor": cursor, "external_user_id": "1"},
		} {
			if a := d.call(t, "ListUsers", in, bearer(admin)).want(t, 422, "invalid_request"); !slices.Equal(a.Fields, []string{"cursor"}) {
				t.Errorf("%v names %v", in, a.Fields)
			}
		}
		d.call(t, "ListUsers", args{"cursor": cursor, "limit": 1, "page": 9}, bearer(admin)).want(t, 200, "")
		for field, bad := range map[string][]any{
			"page": {0, -1}, "limit": {0, 101, -1}, "sort_by": {"", "id", "email;"}, "sort_order": {"", "DESC"}, "search": {strings.Repeat("x", 256)},
		} {
			for _, v := range bad {
				if a := d.call(t, "ListUsers", args{field: v}, bearer(admin)).want(t, 422, "invalid_request"); !slices.Equal(a.Fields, []string{field}) {
					t.Errorf("%s %v names %v", field, v, a.Fields)
				}
			}
		}
	}, unlimited)
}

// TestUnreadableParameters checks that REST refuses a parameter that is not a number or is given
// twice, and names it.
func TestUnreadableParameters(t *testing.T) {
	t.Parallel()
	n := start(t)
	admin, _ := n.login(t, n.drivers()[0])
	for _, query := range []string{"limit=ten", "page=1.5", "limit=" + url.QueryEscape("1 "), "limit=1&limit=2", "page=99999999999999999999"} {
		res, raw := n.send(t, newRequest(t, "GET", n.url+"/api/v1/users?"+query, nil), bearer(admin))
		if a := restAnswer(t, res, raw).want(t, 422, "invalid_request"); len(a.Fields) != 1 || !strings.HasPrefix(query, a.Fields[0]) {
			t.Errorf("%s names %v", query, a.Fields)
		}
	}
	res, raw := n.send(t, newRequest(t, "GET", n.url+"/api/v1/users?unknown=1", nil), bearer(admin))
	restAnswer(t, res, raw).want(t, 200, "")
}

// TestParametersGivenTwice checks that each parameter of each operation is refused if it is given
// twice, with its name and the reason.
func TestParametersGivenTwice(t *testing.T) {
	t.Parallel()
	n := start(t)
	admin, _ := n.login(t, n.drivers()[0])
	tried := 0
	for operation, route := range restRouteOf() {
		path := n.url + "/api/v1" + strings.ReplaceAll(route.path, "{user_id}", uuid.NewString()) + "?start_date=2026-03-01&end_date=2026-03-01"
		for _, p := range route.operation.Parameters {
			if p.Value.In != "query" {
				continue
			}
			tried++
			name := p.Value.Name
			res, raw := n.send(t, newRequest(t, route.method, path+"&"+name+"=1&"+name+"=1", nil), bearer(admin))
			a := restAnswer(t, res, raw).want(t, 422, "invalid_request")
			if a.Detail != name+": must not be given more than once" {
				t.Errorf("%s with %s twice says %q", operation, name, a.Detail)
			}
		}
	}
	if tried < 15 {
		t.Errorf("only %d parameters were tried", tried)
	}
}

// TestEmptyFiltersAreNone checks that an empty filter lists what none lists, on every surface.
func TestEmptyFiltersAreNone(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		putWorkouts(t, d, admin, user, halfHourRun("one", "2026-03-01T10:00:00Z"))
		for operation, c := range map[string]struct {
			in      args
			filters []string
			list    string
		}{
			"ListUsers":    {args{}, []string{"search", "email", "external_user_id"}, "items"},
			"ListWorkouts": {args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-01"}, []string{"record_type"}, "data"},
		} {
			all := d.call(t, operation, c.in, bearer(admin)).want(t, 200, "").list(c.list)
			for _, filter := range c.filters {
				got := d.call(t, operation, withMembers(c.in, args{filter: ""}), bearer(admin)).want(t, 200, "").list(c.list)
				if len(all) == 0 || len(got) != len(all) {
					t.Errorf("%s with an empty %s lists %d, without it %d", operation, filter, len(got), len(all))
				}
			}
		}
	}, unlimited)
}
