// The shim command stands between connectconformance, which speaks binary protobuf
// with its client, and a client that speaks JSON:
//
//	shim command...
//
// It runs the command, hands it each request as a line of JSON and takes a line of
// JSON for each response.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	conformancev1 "github.com/openwearables/openwearables/internal/dev/conformance/gen/connectrpc/conformance/v1"
)

func main() {
	if err := run(exec.Command(os.Args[1], os.Args[2:]...)); err != nil {
		fmt.Fprintln(os.Stderr, "shim:", err)
		os.Exit(1)
	}
}

func run(cmd *exec.Cmd) error {
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		sent <- errors.Join(requests(os.Stdin, in), in.Close())
	}()
	err = responses(out, os.Stdout)
	return errors.Join(err, <-sent, cmd.Wait())
}

// requests writes each request that it reads as a line.
func requests(from io.Reader, to io.Writer) error {
	for {
		var size uint32
		if err := binary.Read(from, binary.BigEndian, &size); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(from, data); err != nil {
			return err
		}
		var request conformancev1.ClientCompatRequest
		if err := proto.Unmarshal(data, &request); err != nil {
			return err
		}
		line, err := protojson.Marshal(&request)
		if err != nil {
			return err
		}
		if _, err := to.Write(append(line, '\n')); err != nil {
			return err
		}
	}
}

// answer is a line of the client: the response, and apart from it the details of
// its error, which the client does not decode.
type answer struct {
	Response json.RawMessage
	Details  []struct {
		Type  string
		Value []byte
	}
}

func responses(from io.Reader, to io.Writer) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return err
		}
		var response conformancev1.ClientCompatResponse
		if err := protojson.Unmarshal(a.Response, &response); err != nil {
			return err
		}
		for _, d := range a.Details {
			failed := response.GetResponse().GetError()
			failed.Details = append(failed.Details, &anypb.Any{TypeUrl: "type.googleapis.com/" + d.Type, Value: d.Value})
		}
		data, err := proto.Marshal(&response)
		if err != nil {
			return err
		}
		if err := binary.Write(to, binary.BigEndian, uint32(len(data))); err != nil {
			return err
		}
		if _, err := to.Write(data); err != nil {
			return err
		}
	}
	return lines.Err()
}
