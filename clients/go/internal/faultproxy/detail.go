package faultproxy

import (
	"encoding/base64"
	"encoding/json"

	"google.golang.org/protobuf/proto"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// connectError returns the body of a Connect error as the server writes it.
func connectError(code, reason string) []byte {
	e := map[string]any{"code": code, "message": "a fault of the proxy"}
	if reason != "" {
		detail, _ := proto.Marshal(&owv1.ErrorDetail{Reason: reason, RequestId: "req_fault"})
		e["details"] = []any{map[string]string{
			"type":  string((&owv1.ErrorDetail{}).ProtoReflect().Descriptor().FullName()),
			"value": base64.RawStdEncoding.EncodeToString(detail),
		}}
	}
	body, _ := json.Marshal(e)
	return body
}
