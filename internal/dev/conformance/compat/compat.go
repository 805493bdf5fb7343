// Package compat is how the runner of the official Connect conformance suite
// talks with what it tests: messages over standard input and output.
package compat

import (
	"encoding/binary"
	"io"
	"net/http"

	"google.golang.org/protobuf/proto"

	pb "github.com/openwearables/openwearables/internal/dev/conformance/gen/connectrpc/conformance/v1"
)

// Receive reads a message behind its length, four bytes in network order.
func Receive(in io.Reader, m proto.Message) error {
	var size uint32
	if err := binary.Read(in, binary.BigEndian, &size); err != nil {
		return err
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(in, data); err != nil {
		return err
	}
	return proto.Unmarshal(data, m)
}

// Send is the other way of Receive.
func Send(out io.Writer, m proto.Message) error {
	data, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	_, err = out.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...))
	return err
}

// Add adds headers as the suite writes them.
func Add(to http.Header, list []*pb.Header) {
	for _, h := range list {
		for _, v := range h.GetValue() {
			to.Add(h.GetName(), v)
		}
	}
}

// Headers is the other way of Add.
func Headers(from map[string][]string) []*pb.Header {
	list := make([]*pb.Header, 0, len(from))
	for name, values := range from {
		list = append(list, &pb.Header{Name: name, Value: values})
	}
	return list
}
