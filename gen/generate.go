// Package gen holds the Go code generated from the contracts: the messages and
// RPC handlers of schema/ in openwearables/v1, the REST server of openapi.yaml in
// openapi, and the pages of /docs in docs. All files below it are generated, except
// openapi/spec.go, docs/docs.go, dashboard/dashboard.go and the go.mod and go.sum of openwearables, which is a module of its own.
//
// "go generate ./gen" regenerates it. It needs the tools of internal/dev/tools: run
// "npm ci" there once.
package gen

//go:generate sh -c "cd .. && internal/dev/tools/node_modules/.bin/buf generate --template schema/buf.gen.yaml"
//go:generate sh -c "cd .. && go tool oapi-codegen -config schema/oapi-codegen.yaml openapi.yaml"
//go:generate cp ../openapi.yaml openapi/openapi.yaml
//go:generate make -C .. docs
