package usage

import (
	"strings"
	"testing"
)

func TestClientName(t *testing.T) {
	for userAgent, want := range map[string]string{
		"": "unknown",
		"openwearables-go/0.1.0 (go1.26.8; linux/amd64)":       "openwearables-go/0.1.0",
		"shop/2.1 openwearables-go/1.4.0-rc.1 (go1.26; linux)": "openwearables-go/1.4.0-rc.1",
		"openwearables-ts/0.1.0 (node v20.1.0; linux)":         "openwearables-ts/0.1.0",
		"coach/7 openwearables-swift/0.1.0 (iOS)":              "openwearables-swift/0.1.0",
		"openwearables-go/" + strings.Repeat("1", 100):         "other",
		"curl/8.5.0":                    "curl/8",
		"okhttp/4.12.0":                 "okhttp/4",
		"Go-http-client/2.0":            "Go-http-client/2",
		"python-requests/2.32.3":        "python-requests/2",
		"Dalvik":                        "Dalvik",
		"Dalvik/":                       "Dalvik",
		"???":                           "other",
		"\x00\xff":                      "other",
		strings.Repeat("a", 200) + "/1": "other",
		"Mozilla/5.0 (compatible; Googlebot/2.1)":                                                                           "Mozilla",
		"Mozilla/5.0 (X11; rv:141.0) Gecko/20100101 Firefox/141.0":                                                          "Firefox/141",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36":               "Chrome/139",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36 Edg/139.0.1.2": "Edge/139",
		"Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":                     "Safari/18",
		"Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/138.0.7204.156 Mobile/15E148 Safari/604.1":     "Chrome/138",
	} {
		if got := ClientName(userAgent); got != want {
			t.Errorf("%q is %q, want %q", userAgent, got, want)
		}
	}
}

func TestIsSDK(t *testing.T) {
	for agent, want := range map[string]bool{
		"openwearables-ts/0.1.0 api/1": true, "openwearables-swift/0.1.0": true, "openwearables-go/": true,
		"": false, "grpc-web-javascript/0.1": false, "openwearables-ts": false, "shop/2 openwearables-ts/0.1.0": false,
	} {
		if IsSDK(agent) != want {
			t.Errorf("%q: %v", agent, !want)
		}
	}
}
