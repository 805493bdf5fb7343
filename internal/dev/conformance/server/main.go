// Command server is a node of the product under the official Connect
// conformance suite: its real listener and middleware, with the suite's service
// mounted on it. It reads one ServerCompatRequest from standard input and writes
// one ServerCompatResponse to standard output, and serves until it is stopped.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"connectrpc.com/connect"

	"github.com/openwearables/openwearables/internal/dev/conformance/compat"
	pb "github.com/openwearables/openwearables/internal/dev/conformance/gen/connectrpc/conformance/v1"
	"github.com/openwearables/openwearables/internal/dev/conformance/gen/connectrpc/conformance/v1/conformancev1connect"
	"github.com/openwearables/openwearables/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, in io.Reader, out io.Writer) (err error) {
	asked := new(pb.ServerCompatRequest)
	if err := compat.Receive(in, asked); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "conformance")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	config, err := configure(folder, asked)
	if err != nil {
		return err
	}
	node, err := server.New(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	var options []connect.HandlerOption
	if limit := asked.GetMessageReceiveLimit(); limit > 0 {
		options = append(options, connect.WithReadMaxBytes(int(limit)))
	}
	node.MountStream(conformancev1connect.NewConformanceServiceHandler(service{}, options...))
	return node.Run(ctx, func(addr string) {
		if err := announceAt(out, addr, asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	})
}

// configure is a node in the folder with TLS if that is asked for, and limits
// that the suite does not reach.
func configure(folder string, asked *pb.ServerCompatRequest) (server.Config, error) {
	config := server.DefaultConfig()
	config.Addr = "127.0.0.1:0"
	config.Database = "sqlite:" + filepath.Join(folder, "node.db")
	config.Auth.Limits.Address.Limit = 1_000_000
	if !asked.GetUseTls() {
		return config, nil
	}
	config.TLSCert, config.TLSKey = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	if err := os.WriteFile(config.TLSCert, asked.GetServerCreds().GetCert(), 0o600); err != nil {
		return config, err
	}
	return config, os.WriteFile(config.TLSKey, asked.GetServerCreds().GetKey(), 0o600)
}

func announceAt(out io.Writer, addr string, asked *pb.ServerCompatRequest) error {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return err
	}
	return compat.Send(out, &pb.ServerCompatResponse{Host: host, Port: uint32(port), PemCert: asked.GetServerCreds().GetCert()})
}
