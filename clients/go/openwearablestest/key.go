package openwearablestest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

var allScopes = []string{"users:read", "users:write", "workouts:read", "workouts:write", "tokens:write", "audit:read", "credentials:verify", "data:read", "data:write", "connections:write"}

type key struct {
	*owv1.Key
	secrets
}

// NewAPIKey creates a key with these scopes, or all if none are given, and returns its
// secret.
func (s *Server) NewAPIKey(scopes ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(scopes) == 0 {
		scopes = allScopes
	}
	return s.addKey(&owv1.Key{Name: "test", Environment: "test", Scopes: scopes}).newest
}

// addKey makes a key of one that has no id yet.
func (s *Server) addKey(of *owv1.Key) *key {
	of.Id, of.Enabled, of.CreatedBy, of.CreatedAt = newSecret("key_", 20), true, s.developer.GetId(), timestamppb.New(s.now())
	k := &key{Key: of, secrets: secrets{newest: newSecret("ow_"+of.GetEnvironment()+"_", 36)}}
	k.show()
	s.keys.items = append(s.keys.items, k)
	return k
}

// show sets the prefix that tells secrets apart.
func (k *key) show() { k.KeyPrefix = k.newest[:len("ow_live_")+4] }

func (s *Server) authenticateKey(c *call, secret string) (*principal, *refusal) {
	now := s.now()
	k, ok := s.keys.find(func(k *key) bool { return k.admits(secret, now) })
	if !ok || !k.GetEnabled() || k.ExpiresAt != nil && !now.Before(k.GetExpiresAt().AsTime()) {
		return nil, unauthenticated("invalid_api_key", "Invalid API key")
	}
	if r := elsewhere(k.GetAllowedNetworks(), c.address()); r != nil {
		return nil, r
	}
	k.LastUsedAt, k.LastUsedIp, k.LastUsedClient, k.LastUsedOperation = timestamppb.New(now), optional(c.address()), optional(c.client), &c.operation
	k.use(secret, c, now)
	p := &principal{kind: apiKey, id: k.GetId(), scopes: k.GetScopes()}
	if secret != k.newest {
		p.deprecated, p.until = k.rotated, k.until
		if ends := k.GetExpiresAt(); ends != nil && ends.AsTime().Before(p.until) {
			p.until = ends.AsTime()
		}
	}
	return p, nil
}

type keys struct {
	owv1connect.UnimplementedKeyServiceHandler
	s *Server
}

// find returns a key, to the developer.
func (h keys) find(ctx context.Context, id string) (*key, error) {
	if _, err := callOf(ctx).require(""); err != nil {
		return nil, err
	}
	var v check
	if v.text("id", id, 1, 255); v.err() != nil {
		return nil, v.err()
	}
	k, ok := h.s.keys.find(func(k *key) bool { return k.GetId() == id })
	if !ok {
		return nil, notFound("API key")
	}
	return k, nil
}

func (h keys) CreateKey(ctx context.Context, r *owv1.CreateKeyRequest) (*owv1.CreateKeyResponse, error) {
	p, err := callOf(ctx).require("")
	if err != nil {
		return nil, err
	}
	k := &owv1.Key{Name: "Default", Environment: "live", Scopes: allScopes, ExpiresAt: r.GetExpiresAt()}
	var v check
	if r.Environment != nil {
		if k.Environment = r.GetEnvironment(); k.Environment != "live" && k.Environment != "test" {
			v.fail("environment", "must be one of live, test")
		}
	}
	v.future("expires_at", r.GetExpiresAt(), h.s.now())
	if r.Name != nil {
		k.Name = v.name("name", r.GetName(), 1, 100)
	}
	if r.Scopes != nil {
		k.Scopes = v.scopes(r.GetScopes())
	}
	k.AllowedNetworks = v.networks(r.GetAllowedNetworks())
	if err := v.err(); err != nil {
		return nil, err
	}
	return once(ctx, h.s, "CreateKey", p.id, r, func() (*owv1.CreateKeyResponse, error) {
		made := h.s.addKey(k)
		return &owv1.CreateKeyResponse{Key: proto.CloneOf(made.Key), Secret: made.newest}, nil
	})
}

// future checks that a time is after now.
func (v *check) future(field string, at *timestamppb.Timestamp, now time.Time) {
	if at != nil && !at.AsTime().After(now) {
		v.fail(field, "must be in the future")
	}
}

// scopes checks scopes and returns them in the order of allScopes.
func (v *check) scopes(given []string) []string {
	switch {
	case len(given) == 0:
		v.fail("scopes", "must hold at least one scope")
	case len(given) > len(allScopes):
		v.fail("scopes", "must hold at most "+strconv.Itoa(len(allScopes))+" items")
		return nil
	}
	for i, scope := range given {
		if !slices.Contains(allScopes, scope) || slices.Contains(given[:i], scope) {
			v.fail("scopes", "must be distinct and among "+strings.Join(allScopes, ", "))
			break
		}
	}
	return slices.DeleteFunc(slices.Clone(allScopes), func(scope string) bool { return !slices.Contains(given, scope) })
}

func (h keys) ListKeys(ctx context.Context, r *owv1.ListKeysRequest) (*owv1.ListKeysResponse, error) {
	if _, err := callOf(ctx).require(""); err != nil {
		return nil, err
	}
	var v check
	v.oneOf("state", r.State, "active", "rotating", "expiring", "unused", "disabled", "expired")
	if err := v.err(); err != nil {
		return nil, err
	}
	now, name := h.s.now(), "keys"
	if r.State != nil {
		name += "." + r.GetState()
	}
	others := func(k *key) bool { return r.State != nil && !k.is(r.GetState(), now) }
	some, next, err := page(slices.DeleteFunc(slices.Clone(h.s.keys.items), others), name, r.Limit, r.Cursor)
	if err != nil {
		return nil, err
	}
	out := &owv1.ListKeysResponse{NextCursor: next}
	for _, k := range some {
		out.Keys = append(out.Keys, k.current(now))
	}
	return out, nil
}

// is reports whether the key is in a state by now.
func (k *key) is(state string, now time.Time) bool {
	day := 24 * time.Hour
	until := func(d time.Duration) bool { return k.ExpiresAt != nil && !k.GetExpiresAt().AsTime().After(now.Add(d)) }
	expired := until(0)
	switch {
	case state == "disabled":
		return !k.GetEnabled()
	case state == "expired":
		return k.GetEnabled() && expired
	case !k.GetEnabled() || expired:
		return false
	case state == "rotating":
		return k.secrets.current(now) != nil
	case state == "expiring":
		return until(14 * day)
	case state == "unused":
		return k.LastUsedAt == nil || k.GetLastUsedAt().AsTime().Before(now.Add(-90*day))
	}
	return true // active
}

// current returns a copy of the key as it is by now.
func (k *key) current(now time.Time) *owv1.Key {
	out := proto.CloneOf(k.Key)
	out.Overlap = k.secrets.current(now)
	out.PreviousExpiresAt = out.GetOverlap().GetExpiresAt()
	return out
}

func (h keys) GetKey(ctx context.Context, r *owv1.GetKeyRequest) (*owv1.GetKeyResponse, error) {
	k, err := h.find(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &owv1.GetKeyResponse{Key: k.current(h.s.now())}, nil
}

func (h keys) UpdateKey(ctx context.Context, r *owv1.UpdateKeyRequest) (*owv1.UpdateKeyResponse, error) {
	changes, err := changesOf(r.GetUpdateMask(), map[string]bool{
		"name": r.Name != nil, "scopes": r.Scopes != nil, "enabled": r.Enabled != nil, "expires_at": r.ExpiresAt != nil,
		"allowed_networks": r.AllowedNetworks != nil,
	})
	if err != nil {
		return nil, err
	}
	k, err := h.find(ctx, r.GetId())
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	var v check
	if changes["name"] && r.Name == nil {
		v.fail("name", "must not be null")
	}
	if changes["enabled"] && r.Enabled == nil {
		v.fail("enabled", "must not be null")
	}
	v.future("expires_at", r.GetExpiresAt(), h.s.now())
	name := v.optionalName("name", r.Name, 1, 100)
	scopes := allScopes
	if changes["scopes"] {
		scopes = v.scopes(r.GetScopes())
	}
	networks := v.networks(r.GetAllowedNetworks())
	if wrong := v.err(); wrong != nil || err != nil {
		return nil, firstOf(wrong, err)
	}
	if changes["name"] {
		k.Name = *name
	}
	if changes["scopes"] {
		k.Scopes = scopes
	}
	if changes["enabled"] {
		k.Enabled = r.GetEnabled()
	}
	if changes["expires_at"] {
		k.ExpiresAt = r.GetExpiresAt()
	}
	if changes["allowed_networks"] {
		k.AllowedNetworks = networks
	}
	return &owv1.UpdateKeyResponse{Key: k.current(h.s.now())}, nil
}

// changesOf returns which fields an update writes: those of the mask, or without one those
// that are set.
func changesOf(mask *fieldmaskpb.FieldMask, set map[string]bool) (map[string]bool, error) {
	if mask == nil {
		return set, nil
	}
	changes := map[string]bool{}
	for _, path := range mask.GetPaths() {
		if _, ok := set[path]; !ok {
			return nil, invalidField("update_mask", "must name fields that can be updated")
		}
		changes[path] = true
	}
	return changes, nil
}

func (h keys) RotateKey(ctx context.Context, r *owv1.RotateKeyRequest) (*owv1.RotateKeyResponse, error) {
	k, err := h.find(ctx, r.GetId())
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	var v check
	v.between("overlap_seconds", int(r.GetOverlapSeconds()), 0, maxOverlap)
	if wrong := v.err(); wrong != nil || err != nil {
		return nil, firstOf(wrong, err)
	}
	return once(ctx, h.s, "RotateKey", callOf(ctx).principal.id, r, func() (*owv1.RotateKeyResponse, error) {
		k.rotate(newSecret("ow_"+k.GetEnvironment()+"_", 36), h.s.now(), r.GetOverlapSeconds())
		k.show()
		return &owv1.RotateKeyResponse{Key: k.current(h.s.now()), Secret: k.newest}, nil
	})
}

func (h keys) FinishKeyRotation(ctx context.Context, r *owv1.FinishKeyRotationRequest) (*owv1.FinishKeyRotationResponse, error) {
	k, err := h.find(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	k.finish()
	return &owv1.FinishKeyRotationResponse{Key: k.current(h.s.now())}, nil
}

func (h keys) DeleteKey(ctx context.Context, r *owv1.DeleteKeyRequest) (*owv1.DeleteKeyResponse, error) {
	k, err := h.find(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	h.s.end(func(one *session) bool { return one.mintedBy == k.GetId() })
	h.s.keys.items = slices.DeleteFunc(h.s.keys.items, func(other *key) bool { return other == k })
	return &owv1.DeleteKeyResponse{Key: k.current(h.s.now())}, nil
}
