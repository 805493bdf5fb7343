package openapi

import _ "embed"

// Spec is the REST contract, byte for byte the repository's openapi.yaml.
//
//go:embed openapi.yaml
var Spec []byte
