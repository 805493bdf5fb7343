// A module of its own, so that an app that uses the SDK gets nothing of the server.
module github.com/openwearables/openwearables/gen/openwearables

go 1.26.0

require (
	connectrpc.com/connect v1.21.1
	google.golang.org/protobuf v1.36.12
)
