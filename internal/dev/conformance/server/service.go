package main

import (
	"context"
	"errors"
	"io"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/openwearables/openwearables/internal/dev/conformance/compat"
	pb "github.com/openwearables/openwearables/internal/dev/conformance/gen/connectrpc/conformance/v1"
	"github.com/openwearables/openwearables/internal/dev/conformance/gen/connectrpc/conformance/v1/conformancev1connect"
)

// service answers every call as the call itself asks, and says what it saw of
// it: the ConformanceService of the official suite. Unimplemented is left so.
type service struct {
	conformancev1connect.UnimplementedConformanceServiceHandler
}

func (service) Unary(ctx context.Context, in *pb.UnaryRequest) (*pb.UnaryResponse, error) {
	payload, err := single(ctx, in.GetResponseDefinition(), in)
	return &pb.UnaryResponse{Payload: payload}, err
}

func (service) IdempotentUnary(ctx context.Context, in *pb.IdempotentUnaryRequest) (*pb.IdempotentUnaryResponse, error) {
	payload, err := single(ctx, in.GetResponseDefinition(), in)
	return &pb.IdempotentUnaryResponse{Payload: payload}, err
}

func (service) ClientStream(ctx context.Context, stream *connect.ClientStream[pb.ClientStreamRequest]) (*pb.ClientStreamResponse, error) {
	var asked *pb.UnaryResponseDefinition
	var seen []proto.Message
	for stream.Receive() {
		if len(seen) == 0 {
			asked = stream.Msg().GetResponseDefinition()
		}
		seen = append(seen, proto.CloneOf(stream.Msg()))
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	payload, err := single(ctx, asked, seen...)
	return &pb.ClientStreamResponse{Payload: payload}, err
}

func (service) ServerStream(ctx context.Context, in *pb.ServerStreamRequest, stream *connect.ServerStream[pb.ServerStreamResponse]) error {
	asked := in.GetResponseDefinition()
	announce(ctx, asked)
	send := func(p *pb.ConformancePayload) error {
		if p == nil {
			return stream.Send(nil)
		}
		return stream.Send(&pb.ServerStreamResponse{Payload: p})
	}
	return finish(ctx, asked, 0, []proto.Message{in}, send)
}

func (service) BidiStream(ctx context.Context, stream *connect.BidiStream[pb.BidiStreamRequest, pb.BidiStreamResponse]) error {
	send := func(p *pb.ConformancePayload) error {
		if p == nil {
			return stream.Send(nil)
		}
		return stream.Send(&pb.BidiStreamResponse{Payload: p})
	}
	var first *pb.BidiStreamRequest
	var seen []proto.Message
	sent := 0
	for {
		in, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		seen = append(seen, in)
		if first == nil {
			first = in
			announce(ctx, first.GetResponseDefinition())
		}
		if !first.GetFullDuplex() {
			continue
		}
		if sent >= len(first.GetResponseDefinition().GetResponseData()) {
			break
		}
		if err := reply(ctx, first.GetResponseDefinition(), sent, seen, send); err != nil {
			return err
		}
		sent, seen = sent+1, nil
	}
	return finish(ctx, first.GetResponseDefinition(), sent, seen, send)
}

// single is the answer of a call that has one.
func single(ctx context.Context, asked *pb.UnaryResponseDefinition, seen ...proto.Message) (*pb.ConformancePayload, error) {
	info, _ := connect.CallInfoForHandlerContext(ctx)
	compat.Add(info.ResponseHeader(), asked.GetResponseHeaders())
	compat.Add(info.ResponseTrailer(), asked.GetResponseTrailers())
	request, err := observed(ctx, seen)
	if err != nil {
		return nil, err
	}
	wait(asked.GetResponseDelayMs())
	if asked.GetError() != nil {
		return nil, refusal(asked.GetError(), request)
	}
	return &pb.ConformancePayload{Data: asked.GetResponseData(), RequestInfo: request}, nil
}

// announce sets the headers and trailers of a stream.
func announce(ctx context.Context, asked *pb.StreamResponseDefinition) {
	info, _ := connect.CallInfoForHandlerContext(ctx)
	compat.Add(info.ResponseHeader(), asked.GetResponseHeaders())
	compat.Add(info.ResponseTrailer(), asked.GetResponseTrailers())
}

// reply sends one message of a stream. The first is preceded by the headers,
// before any delay, and says all of the request; later ones say what came
// since the message before.
func reply(ctx context.Context, asked *pb.StreamResponseDefinition, n int, seen []proto.Message, send func(*pb.ConformancePayload) error) error {
	payload := &pb.ConformancePayload{Data: asked.GetResponseData()[n]}
	request, err := observed(ctx, seen)
	switch {
	case err != nil:
		return err
	case n == 0:
		payload.RequestInfo = request
		if err := send(nil); err != nil {
			return err
		}
	case len(seen) > 0:
		payload.RequestInfo = &pb.ConformancePayload_RequestInfo{Requests: request.GetRequests()}
	}
	wait(asked.GetResponseDelayMs())
	return send(payload)
}

// finish sends the rest of a stream and ends it as the call asks.
func finish(ctx context.Context, asked *pb.StreamResponseDefinition, sent int, seen []proto.Message, send func(*pb.ConformancePayload) error) error {
	for ; sent < len(asked.GetResponseData()); sent++ {
		if err := reply(ctx, asked, sent, seen, send); err != nil {
			return err
		}
		seen = nil
	}
	if asked.GetError() == nil {
		return nil
	}
	if sent > 0 {
		return refusal(asked.GetError(), nil)
	}
	request, err := observed(ctx, seen)
	if err != nil {
		return err
	}
	return refusal(asked.GetError(), request)
}

// observed returns what the handler received.
func observed(ctx context.Context, seen []proto.Message) (*pb.ConformancePayload_RequestInfo, error) {
	info, _ := connect.CallInfoForHandlerContext(ctx)
	request := &pb.ConformancePayload_RequestInfo{RequestHeaders: compat.Headers(info.RequestHeader())}
	if deadline, ok := ctx.Deadline(); ok {
		request.TimeoutMs = new(time.Until(deadline).Milliseconds())
	}
	if query := info.Peer().Query; len(query) > 0 {
		request.ConnectGetInfo = &pb.ConformancePayload_ConnectGetInfo{QueryParams: compat.Headers(query)}
	}
	for _, m := range seen {
		packed, err := anypb.New(m)
		if err != nil {
			return nil, err
		}
		request.Requests = append(request.Requests, packed)
	}
	return request, nil
}

// refusal is the error that was asked for, with the request as its last detail
// unless that was shown already.
func refusal(asked *pb.Error, request *pb.ConformancePayload_RequestInfo) error {
	err := connect.NewError(connect.Code(asked.GetCode()), errors.New(asked.GetMessage()))
	var details []proto.Message
	for _, d := range asked.GetDetails() {
		details = append(details, d)
	}
	if request != nil {
		details = append(details, request)
	}
	for _, d := range details {
		detail, failed := connect.NewErrorDetail(d)
		if failed != nil {
			return failed
		}
		err.AddDetail(detail)
	}
	return err
}

func wait(ms uint32) { time.Sleep(time.Duration(ms) * time.Millisecond) }
