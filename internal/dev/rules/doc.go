// Package rules holds no code. Its tests hold the repository to its own rules:
// which package may import which, that openapi.yaml, the protos of
// openwearables.v1 and the REST server generated from them agree, and that the
// pages on threats, the ASVS and privacy name what there is.
package rules
