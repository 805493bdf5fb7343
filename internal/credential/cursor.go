package credential

import (
	"encoding/base64"
	"encoding/json"
)

// SealCursor returns an opaque cursor of a place in a list: at as JSON, sealed
// and in unpadded base64url. It opens only with the same filters.
func (v *Vault) SealCursor(filters []byte, at any) (string, error) {
	plain, err := json.Marshal(at)
	if err != nil {
		return "", err
	}
	sealed, err := v.Seal(plain, filters, "")
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// OpenCursor reads a cursor into at, which must be a pointer. It reports whether
// SealCursor made the cursor with the same filters; if not, at is undefined.
func (v *Vault) OpenCursor(filters []byte, cursor string, at any) bool {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return false
	}
	plain, err := v.Open(sealed, filters, "")
	return err == nil && json.Unmarshal(plain, at) == nil
}
