package auth

import (
	"encoding/base64"
	"encoding/json"
)

// SealCursor makes an opaque cursor of a place in a list, which opens only
// with the same filters.
func (s *core) SealCursor(filters []byte, at any) (string, error) {
	plain, err := json.Marshal(at)
	if err != nil {
		return "", err
	}
	sealed, err := s.vault.Seal(plain, filters, "")
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// OpenCursor reads a cursor into at and says whether it was one of SealCursor
// with the same filters.
func (s *core) OpenCursor(filters []byte, cursor string, at any) bool {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return false
	}
	plain, err := s.vault.Open(sealed, filters, "")
	return err == nil && json.Unmarshal(plain, at) == nil
}
