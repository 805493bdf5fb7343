// A module of its own, for the same reason as internal/dev/conformance, whose gen/ it
// uses: run.sh makes the workspace that it is built in.
module github.com/openwearables/openwearables/clients/swift/Conformance/shim

go 1.26.0
