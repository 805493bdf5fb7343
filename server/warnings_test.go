package server

import (
	"strings"
	"testing"
)

// A Redis beyond this machine that is reached without TLS is warned of, and the
// warning does not hold the password.
func TestPlainRedisIsWarnedOf(t *testing.T) {
	t.Parallel()
	for url, warns := range map[string]bool{
		"": false, "redis://localhost:6379": false, "redis://:hunter2@127.0.0.1": false, "redis://[::1]:6379/3": false,
		"unix:///run/redis.sock": false, "rediss://:hunter2@redis.internal": false,
		"redis://:hunter2@redis.internal:6379": true, "redis://10.0.0.7": true,
	} {
		c := DefaultConfig()
		c.Redis = url
		said := strings.Join(c.Warnings(), "\n")
		if strings.Contains(said, "use rediss://") != warns || strings.Contains(said, "hunter2") {
			t.Errorf("%q: %s", url, said)
		}
	}
}
