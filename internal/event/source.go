package event

import "github.com/openwearables/openwearables/internal/problem"

// Source names who recorded something, with what. What is not known is nil.
type Source struct {
	Provider   string
	Source     *string
	Device     *string
	DeviceType *string
	DeviceName *string
}

// check checks a source as it is written; at names its members in the request.
func (s *Source) check(v *problem.Check, at func(member string) string) {
	v.Text(at("source.provider"), s.Provider, 1, problem.MaxText)
	v.Optional(at("source.source"), s.Source, problem.MaxText)
	v.Optional(at("source.device"), s.Device, problem.MaxText)
	v.Optional(at("source.device_type"), s.DeviceType, problem.MaxText)
	v.Optional(at("source.device_name"), s.DeviceName, problem.MaxText)
}
