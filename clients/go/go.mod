module github.com/openwearables/openwearables/clients/go

go 1.26.0

require (
	connectrpc.com/connect v1.21.1
	github.com/openwearables/openwearables/gen/openwearables v0.1.0
	google.golang.org/protobuf v1.36.12
)
