// Package scenario has no code. Its tests run the server as clients see it: with a real database
// and real HTTP, and each rule on every surface (REST, Connect with JSON and protobuf, gRPC and
// gRPC-Web).
package scenario
