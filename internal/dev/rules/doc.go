// Package rules holds no code. Its tests hold the repository to its own rules:
// which package may import which, and that openapi.yaml, the protos of
// openwearables.v1 and the REST server generated from them agree.
package rules
