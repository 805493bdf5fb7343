// Package contract holds no code. Its tests hold openapi.yaml, the protos of
// openwearables.v1 and the REST server generated from them to each other.
package contract
