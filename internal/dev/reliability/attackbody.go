package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Bodies of attacks, in bytes once they are unpacked.
const (
	bomb      = 64 << 20
	largeBody = 8 << 20 // what the largest operation takes
)

// The path of a call over Connect, and of one over REST.
const (
	healthCheck   = "/grpc.health.v1.Health/Check"
	reflectionAsk = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
	upsertConnect = "/openwearables.v1.WorkoutService/UpsertWorkouts"
)

// bodies sends what is not operations large bodies, gzip of very large ones, and
// frames that say to have 4 GiB.
func bodies(*world) (func(context.Context, *hostile), error) {
	zipped, err := packed(`{"service":"`, 'a', bomb, `"}`)
	if err != nil {
		return nil, err
	}
	message, err := packed("\x0a\x80\x80\x80\x20", 'a', bomb, "") // service, of 64 MiB
	if err != nil {
		return nil, err
	}
	plain := slices.Concat([]byte(`{"service":"`), bytes.Repeat([]byte{'a'}, largeBody), []byte(`"}`))
	frame := append(binary.BigEndian.AppendUint32([]byte{1}, uint32(len(message))), message...)
	endless := append(binary.BigEndian.AppendUint32([]byte{0}, 1<<32-1), "x"...)
	nested := bytes.Repeat([]byte(`{"a":`), largeBody/5)
	sent := []struct {
		path   string
		header http.Header
		body   []byte
	}{
		{healthCheck, header("Content-Type", "application/json", "Content-Encoding", "gzip"), zipped},
		{healthCheck, header("Content-Type", "application/json"), plain},
		{healthCheck, header("Content-Type", "application/json"), nested},
		{healthCheck, header("Content-Type", "application/grpc-web", "Grpc-Encoding", "gzip"), frame},
		{healthCheck, header("Content-Type", "application/grpc-web"), endless},
		{healthCheck, header("Content-Type", "application/proto", "Content-Encoding", "gzip"), message},
		{reflectionAsk, header("Content-Type", "application/grpc-web", "Grpc-Encoding", "gzip"), frame},
		{reflectionAsk, header("Content-Type", "application/connect+proto"), endless},
	}
	return func(ctx context.Context, h *hostile) {
		loop(ctx, 6, 50*time.Millisecond, func(worker, n int) {
			s := sent[(n+worker)%len(sent)]
			h.bytes(ctx, n+worker, s.path, s.header, s.body)
		})
	}, nil
}

// held is how many uploads are kept one byte before their end.
const held = 100

// lists sends lists of far too many items, lists whose last item is wrong, and uploads
// that do not end.
func lists(w *world) (func(context.Context, *hostile), error) {
	user, err := w.user(0)
	if err != nil {
		return nil, err
	}
	tokens, err := w.mint(0, user, "")
	if err != nil {
		return nil, err
	}
	path, bearer := "/api/v1/users/"+user+"/events/workouts", "Bearer "+tokens.access
	js := func() http.Header { return header("Content-Type", "application/json", "Authorization", bearer) }
	many := []byte(`{"workouts":[{}` + strings.Repeat(`,{}`, largeBody/3-16) + `]}`)
	right := `{"external_id":"%d","type":"` + strings.Repeat("r", 200) + `","name":"` + strings.Repeat("n", 255) +
		`","start_time":"2026-03-01T06:30:00Z","end_time":"2026-03-01T07:15:00Z",` +
		`"source":{"provider":"x","device_name":"` + strings.Repeat("d", 255) + `"}},`
	var wrong strings.Builder
	fmt.Fprintf(&wrong, `{"user_id":%q,"workouts":[`, user)
	for i := range 999 {
		fmt.Fprintf(&wrong, right, i)
	}
	wrong.WriteString(`{"external_id":7}],"all_or_none":true}`)
	last := []byte(wrong.String())
	return func(ctx context.Context, h *hostile) {
		loop(ctx, 4+held, 100*time.Millisecond, func(worker, n int) {
			switch {
			case worker < 2:
				h.bytes(ctx, n+worker, path, js(), many)
			case worker < 4:
				h.bytes(ctx, n+worker, upsertConnect, js(), last)
			default:
				pause(ctx, time.Second)
				body := io.MultiReader(bytes.NewReader(many[:len(many)-1]), waiting{ctx})
				h.post(ctx, worker, path, js(), body, int64(len(many)))
			}
		})
	}, nil
}

// waiting is a body that gives nothing until the context ends.
type waiting struct{ ctx context.Context }

func (w waiting) Read([]byte) (int, error) {
	<-w.ctx.Done()
	return 0, w.ctx.Err()
}
