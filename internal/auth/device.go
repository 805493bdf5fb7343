package auth

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// deviceID is the random identity of a browser at one account. The zero value
// stands for none.
type deviceID [16]byte

func newDeviceID() (id deviceID) {
	rand.Read(id[:])
	return id
}

// Layout of a device token, before its MAC: version, unix seconds, id.
const (
	deviceVersion = 1
	deviceHead    = 1 + 8 + len(deviceID{})
	deviceLen     = deviceHead + len(credential.Hash{})
)

// deviceEncoding gives a token one spelling.
var deviceEncoding = base64.RawURLEncoding.Strict()

// deviceToken returns what tells the account of d, at its next login, that the
// device has logged in at that time. It proves nothing else, and names neither
// account nor developer. A changed password voids it, since whoever knew the old
// one may hold any number of them.
func deviceToken(v *credential.Vault, d *StoredDeveloper, id deviceID, at time.Time) string {
	raw := append(make([]byte, 0, deviceLen), deviceVersion)
	raw = binary.BigEndian.AppendUint64(raw, uint64(at.Unix()))
	raw = append(raw, id[:]...)
	mac := deviceMAC(v, d, raw)
	return deviceEncoding.EncodeToString(append(raw, mac[:]...))
}

// knownDevice returns the device of a token that deviceToken returned for d since
// the instant.
func knownDevice(v *credential.Vault, d *StoredDeveloper, token string, since time.Time) (id deviceID, ok bool) {
	if len(token) != deviceEncoding.EncodedLen(deviceLen) {
		return deviceID{}, false
	}
	raw, err := deviceEncoding.DecodeString(token)
	if err != nil || len(raw) != deviceLen || raw[0] != deviceVersion { // line breaks are skipped
		return deviceID{}, false
	}
	head, mac := raw[:deviceHead], credential.Hash(raw[deviceHead:])
	at := time.Unix(int64(binary.BigEndian.Uint64(head[1:])), 0)
	if !deviceMAC(v, d, head).Equal(mac) || at.Before(since) || d.ID == "" {
		return deviceID{}, false
	}
	return deviceID(head[deviceHead-len(id):]), true
}

func deviceMAC(v *credential.Vault, d *StoredDeveloper, head []byte) credential.Hash {
	return v.HashParts("device", d.ID, d.PasswordHash, string(head))
}
