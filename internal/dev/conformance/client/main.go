// Command client is the Go SDK under the official Connect conformance suite: each
// call goes through its transport and interceptor with a static credential and
// no retries, since the suite counts requests. It reads ClientCompatRequests from
// standard input until that ends and answers each on standard output.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/internal/dev/conformance/compat"
	pb "github.com/openwearables/openwearables/internal/dev/conformance/gen/connectrpc/conformance/v1"
	"github.com/openwearables/openwearables/internal/dev/conformance/gen/connectrpc/conformance/v1/conformancev1connect"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const parallel = 8

func run(in io.Reader, out io.Writer) error {
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		sent  error
		slots = make(chan struct{}, parallel)
	)
	for {
		asked := new(pb.ClientCompatRequest)
		err := compat.Receive(in, asked)
		if err != nil {
			group.Wait()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(err, sent)
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			answer := answerTo(asked)
			mu.Lock()
			defer mu.Unlock()
			sent = errors.Join(sent, compat.Send(out, answer))
		})
	}
}

func answerTo(asked *pb.ClientCompatRequest) *pb.ClientCompatResponse {
	answer := &pb.ClientCompatResponse{TestName: asked.GetTestName()}
	result, err := call(asked)
	if err != nil {
		answer.Result = &pb.ClientCompatResponse_Error{Error: &pb.ClientErrorResult{Message: err.Error()}}
	} else {
		answer.Result = &pb.ClientCompatResponse_Response{Response: result}
	}
	return answer
}

// call makes the call that was asked for. It fails only where none could be made.
func call(asked *pb.ClientCompatRequest) (*pb.ClientResponseResult, error) {
	client, err := dial(asked)
	if err != nil {
		return nil, err
	}
	if n := len(asked.GetRequestMessages()); n != 1 {
		return nil, fmt.Errorf("a unary call has one message, not %d", n)
	}
	ctx, info := connect.NewClientContext(context.Background())
	if asked.TimeoutMs != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(asked.GetTimeoutMs())*time.Millisecond)
		defer cancel()
	}
	if asked.GetCancel() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		time.AfterFunc(time.Duration(asked.GetCancel().GetAfterCloseSendMs())*time.Millisecond, cancel)
	}
	compat.Add(info.RequestHeader(), asked.GetRequestHeaders())
	payload, refused, err := invoke(ctx, client, asked)
	if err != nil {
		return nil, err
	}
	result := &pb.ClientResponseResult{
		ResponseHeaders:  compat.Headers(info.ResponseHeader()),
		ResponseTrailers: compat.Headers(info.ResponseTrailer()),
		Error:            errorOf(refused),
	}
	if refused == nil {
		result.Payloads = []*pb.ConformancePayload{payload}
	}
	return result, nil
}

// invoke returns what the call answered and how it was refused.
func invoke(ctx context.Context, client conformancev1connect.ConformanceServiceClient, asked *pb.ClientCompatRequest) (*pb.ConformancePayload, error, error) {
	packed := asked.GetRequestMessages()[0]
	switch asked.GetMethod() {
	case "Unary":
		return send(ctx, packed, new(pb.UnaryRequest), client.Unary)
	case "IdempotentUnary":
		return send(ctx, packed, new(pb.IdempotentUnaryRequest), client.IdempotentUnary)
	case "Unimplemented":
		_, refused, err := send(ctx, packed, new(pb.UnimplementedRequest),
			func(ctx context.Context, in *pb.UnimplementedRequest) (*pb.UnaryResponse, error) {
				_, err := client.Unimplemented(ctx, in)
				return nil, err
			})
		return nil, refused, err
	default:
		return nil, nil, fmt.Errorf("%s is not a unary call", asked.GetMethod())
	}
}

type answered interface{ GetPayload() *pb.ConformancePayload }

func send[Req proto.Message, Res answered](ctx context.Context, packed *anypb.Any, in Req, method func(context.Context, Req) (Res, error)) (*pb.ConformancePayload, error, error) {
	if err := packed.UnmarshalTo(in); err != nil {
		return nil, nil, err
	}
	out, refused := method(ctx, in)
	return out.GetPayload(), refused, nil
}

// dial is the SDK's client for one call, on a transport of its own so that
// canceled calls do not disturb others.
func dial(asked *pb.ClientCompatRequest) (conformancev1connect.ConformanceServiceClient, error) {
	scheme, transport := "http", &http.Transport{Protocols: new(http.Protocols), DisableCompression: true, DisableKeepAlives: true}
	trusted, err := trust(asked)
	if err != nil {
		return nil, err
	}
	if trusted != nil {
		scheme, transport.TLSClientConfig = "https", trusted
	}
	switch v := asked.GetHttpVersion(); {
	case v == pb.HTTPVersion_HTTP_VERSION_1:
		transport.Protocols.SetHTTP1(true)
	case v == pb.HTTPVersion_HTTP_VERSION_2 && trusted != nil:
		transport.Protocols.SetHTTP2(true)
	case v == pb.HTTPVersion_HTTP_VERSION_2:
		transport.Protocols.SetUnencryptedHTTP2(true)
	default:
		return nil, fmt.Errorf("%s is not supported", v)
	}
	base := scheme + "://" + net.JoinHostPort(asked.GetHost(), strconv.FormatUint(uint64(asked.GetPort()), 10))
	sdk, err := openwearables.New(base,
		openwearables.WithAPIKey("conformance"),
		openwearables.WithHTTPClient(&http.Client{Transport: transport}),
		openwearables.WithRetries(0), openwearables.WithTimeout(0))
	if err != nil {
		return nil, err
	}
	httpClient, wrapped := sdk.Connect()
	options, err := optionsOf(asked)
	if err != nil {
		return nil, err
	}
	return conformancev1connect.NewConformanceServiceClient(httpClient, sdk.BaseURL(), append([]connect.ClientOption{wrapped}, options...)...), nil
}

// trust is nil where the server has no certificate.
func trust(asked *pb.ClientCompatRequest) (*tls.Config, error) {
	if len(asked.GetServerTlsCert()) == 0 {
		return nil, nil
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(asked.GetServerTlsCert()) {
		return nil, errors.New("the server's certificate is none")
	}
	if own := asked.GetClientTlsCreds(); own != nil {
		pair, err := tls.X509KeyPair(own.GetCert(), own.GetKey())
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func optionsOf(asked *pb.ClientCompatRequest) ([]connect.ClientOption, error) {
	options := []connect.ClientOption{connect.WithReadMaxBytes(int(asked.GetMessageReceiveLimit()))}
	if asked.GetUseGetHttpMethod() {
		options = append(options, connect.WithHTTPGet())
	}
	switch asked.GetProtocol() {
	case pb.Protocol_PROTOCOL_CONNECT:
	case pb.Protocol_PROTOCOL_GRPC:
		options = append(options, connect.WithGRPC())
	case pb.Protocol_PROTOCOL_GRPC_WEB:
		options = append(options, connect.WithGRPCWeb())
	default:
		return nil, fmt.Errorf("%s is not supported", asked.GetProtocol())
	}
	if asked.GetCodec() == pb.Codec_CODEC_JSON {
		options = append(options, connect.WithProtoJSON())
	}
	switch asked.GetCompression() {
	case pb.Compression_COMPRESSION_GZIP:
		options = append(options, connect.WithSendGzip())
	case pb.Compression_COMPRESSION_IDENTITY, pb.Compression_COMPRESSION_UNSPECIFIED:
		options = append(options, connect.WithAcceptCompression("gzip", nil, nil))
	default:
		return nil, fmt.Errorf("%s is not supported", asked.GetCompression())
	}
	return options, nil
}

// errorOf is the error in the suite's words. What the SDK fails with wraps that
// of connect.
func errorOf(err error) *pb.Error {
	if err == nil {
		return nil
	}
	told, refused := &pb.Error{Code: pb.Code_CODE_UNKNOWN, Message: new(err.Error())}, new(connect.Error)
	if !errors.As(err, &refused) {
		if own := new(openwearables.Error); errors.As(err, &own) && own.Kind == openwearables.KindInternal {
			told.Code = pb.Code_CODE_INTERNAL // the SDK refuses the response itself
		}
		return told
	}
	told.Code, told.Message = pb.Code(refused.Code()), new(refused.Message())
	for _, d := range refused.Details() {
		told.Details = append(told.Details, &anypb.Any{TypeUrl: "type.googleapis.com/" + d.Type(), Value: d.Bytes()})
	}
	return told
}
