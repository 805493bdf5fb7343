// A module of its own, so that only its users get golang.org/x/oauth2.
module github.com/openwearables/openwearables/clients/go/oauth2

go 1.26.0

require (
	github.com/openwearables/openwearables/clients/go v0.1.0
	golang.org/x/oauth2 v0.37.0
)

require (
	connectrpc.com/connect v1.21.1 // indirect
	github.com/openwearables/openwearables/gen/openwearables v0.1.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
