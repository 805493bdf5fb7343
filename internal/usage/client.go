package usage

import (
	"slices"
	"strings"
)

const maxClientName = 48

// sdks are the product names of our SDKs, whose whole version is told.
var sdks = []string{"openwearables-go/", "openwearables-ts/", "openwearables-swift/"}

// IsSDK reports whether a header of a request names one of our SDKs first.
func IsSDK(agent string) bool {
	return slices.ContainsFunc(sdks, func(sdk string) bool { return strings.HasPrefix(agent, sdk) })
}

// browsers are the products that tell browsers apart, most specific first: each
// also claims to be one of those after it.
var browsers = []struct{ product, name string }{
	{"Edg/", "Edge"},
	{"EdgA/", "Edge"},
	{"EdgiOS/", "Edge"},
	{"OPR/", "Opera"},
	{"SamsungBrowser/", "Samsung"},
	{"FxiOS/", "Firefox"},
	{"Firefox/", "Firefox"},
	{"CriOS/", "Chrome"},
	{"HeadlessChrome/", "Chrome"},
	{"Chrome/", "Chrome"},
	{"Version/", "Safari"},
}

// ClientName returns the name under which a User-Agent is counted: the SDK and its
// version, a browser and its major version, or else the first product and its major
// version, such as curl/8.
func ClientName(userAgent string) string {
	if userAgent == "" {
		return Unknown
	}
	for _, sdk := range sdks {
		if _, version, ok := strings.Cut(userAgent, sdk); ok {
			return named(sdk, leading(version, ".-+0123456789abcdefghijklmnopqrstuvwxyz"))
		}
	}
	if strings.HasPrefix(userAgent, "Mozilla/") {
		for _, b := range browsers {
			if _, version, ok := strings.Cut(userAgent, b.product); ok {
				return named(b.name+"/", leading(version, "0123456789"))
			}
		}
		return "Mozilla"
	}
	product := leading(userAgent, "._-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	if product == "" {
		return Other
	}
	version, ok := strings.CutPrefix(userAgent[len(product):], "/")
	if !ok {
		return named(product, "")
	}
	return named(product+"/", leading(version, "0123456789"))
}

func named(product, version string) string {
	if version == "" {
		product = strings.TrimSuffix(product, "/")
	}
	if len(product)+len(version) > maxClientName {
		return Other
	}
	return product + version
}

// leading returns the beginning of s that holds only characters of the set.
func leading(s, set string) string { return s[:len(s)-len(strings.TrimLeft(s, set))] }
