// Package scenario holds no code. Its tests run the server as its clients see
// it: a real database, real HTTP, and each rule on every surface (REST, Connect
// with JSON and protobuf, gRPC and gRPC-Web).
package scenario
