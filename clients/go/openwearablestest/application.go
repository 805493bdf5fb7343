package openwearablestest

import (
	"context"
	"errors"
	"slices"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

type application struct {
	*owv1.Application
	secrets
}

// NewApp registers an application and returns what it presents to Tokens.Exchange.
func (s *Server) NewApp() openwearables.AppCredential {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.addApp("test")
	return openwearables.AppCredentials(a.GetAppId(), a.newest)
}

func (s *Server) addApp(name string) *application {
	a := &application{
		Application: &owv1.Application{Id: newUUID(), AppId: newSecret("app_", 24), Name: name, CreatedAt: timestamppb.New(s.now())},
		secrets:     secrets{newest: newSecret("secret_", 48)},
	}
	s.apps.items = append(s.apps.items, a)
	return a
}

// current returns a copy of the application as it is by now.
func (a *application) current(now time.Time) *owv1.Application {
	out := proto.CloneOf(a.Application)
	out.Overlap = a.secrets.current(now)
	return out
}

func isNotFound(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.code == connect.CodeNotFound
}

// firstOf returns the first error that is not nil.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

type applications struct {
	owv1connect.UnimplementedApplicationServiceHandler
	s *Server
}

// find returns an application, to the developer.
func (h applications) find(ctx context.Context, appID string) (*application, error) {
	if _, err := callOf(ctx).require(""); err != nil {
		return nil, err
	}
	var v check
	if v.text("app_id", appID, 1, 255); v.err() != nil {
		return nil, v.err()
	}
	a, ok := h.s.apps.find(func(a *application) bool { return a.GetAppId() == appID })
	if !ok {
		return nil, notFound("Application")
	}
	return a, nil
}

func (h applications) CreateApplication(ctx context.Context, r *owv1.CreateApplicationRequest) (*owv1.CreateApplicationResponse, error) {
	p, err := callOf(ctx).require("")
	if err != nil {
		return nil, err
	}
	var v check
	name := v.name("name", r.GetName(), 1, 100)
	if err := v.err(); err != nil {
		return nil, err
	}
	return once(ctx, h.s, "CreateApplication", p.id, name, func() (*owv1.CreateApplicationResponse, error) {
		a := h.s.addApp(name)
		return &owv1.CreateApplicationResponse{Application: a.current(h.s.now()), AppSecret: a.newest}, nil
	})
}

func (h applications) ListApplications(ctx context.Context, r *owv1.ListApplicationsRequest) (*owv1.ListApplicationsResponse, error) {
	if _, err := callOf(ctx).require(""); err != nil {
		return nil, err
	}
	some, next, err := page(h.s.apps.items, "applications", r.Limit, r.Cursor)
	if err != nil {
		return nil, err
	}
	out := &owv1.ListApplicationsResponse{NextCursor: next}
	for _, a := range some {
		out.Applications = append(out.Applications, a.current(h.s.now()))
	}
	return out, nil
}

func (h applications) GetApplication(ctx context.Context, r *owv1.GetApplicationRequest) (*owv1.GetApplicationResponse, error) {
	a, err := h.find(ctx, r.GetAppId())
	if err != nil {
		return nil, err
	}
	return &owv1.GetApplicationResponse{Application: a.current(h.s.now())}, nil
}

func (h applications) UpdateApplication(ctx context.Context, r *owv1.UpdateApplicationRequest) (*owv1.UpdateApplicationResponse, error) {
	changes, err := changesOf(r.GetUpdateMask(), map[string]bool{"name": r.Name != nil})
	if err != nil {
		return nil, err
	}
	a, err := h.find(ctx, r.GetAppId())
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	var v check
	if changes["name"] && r.Name == nil {
		v.fail("name", "must not be null")
	}
	name := v.optionalName("name", r.Name, 1, 100)
	if wrong := v.err(); wrong != nil || err != nil {
		return nil, firstOf(wrong, err)
	}
	if changes["name"] {
		a.Name = *name
	}
	return &owv1.UpdateApplicationResponse{Application: a.current(h.s.now())}, nil
}

func (h applications) RotateApplicationSecret(ctx context.Context, r *owv1.RotateApplicationSecretRequest) (*owv1.RotateApplicationSecretResponse, error) {
	a, err := h.find(ctx, r.GetAppId())
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	var v check
	v.between("overlap_seconds", int(r.GetOverlapSeconds()), 0, maxOverlap)
	if wrong := v.err(); wrong != nil || err != nil {
		return nil, firstOf(wrong, err)
	}
	return once(ctx, h.s, "RotateApplicationSecret", callOf(ctx).principal.id, r, func() (*owv1.RotateApplicationSecretResponse, error) {
		a.rotate(newSecret("secret_", 48), h.s.now(), r.GetOverlapSeconds())
		return &owv1.RotateApplicationSecretResponse{Application: a.current(h.s.now()), AppSecret: a.newest}, nil
	})
}

func (h applications) FinishApplicationRotation(ctx context.Context, r *owv1.FinishApplicationRotationRequest) (*owv1.FinishApplicationRotationResponse, error) {
	a, err := h.find(ctx, r.GetAppId())
	if err != nil {
		return nil, err
	}
	a.finish()
	return &owv1.FinishApplicationRotationResponse{Application: a.current(h.s.now())}, nil
}

func (h applications) DeleteApplication(ctx context.Context, r *owv1.DeleteApplicationRequest) (*owv1.DeleteApplicationResponse, error) {
	a, err := h.find(ctx, r.GetAppId())
	if err != nil {
		return nil, err
	}
	h.s.end(func(one *session) bool { return one.mintedBy == a.GetAppId() })
	h.s.apps.items = slices.DeleteFunc(h.s.apps.items, func(other *application) bool { return other == a })
	return &owv1.DeleteApplicationResponse{}, nil
}
