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

// read checks a source as it is written, and trims what is not a person's name for
// it; at names its members in the request.
func (s Source) read(v *problem.Check, at func(member string) string) Source {
	s.Provider = v.Name(at("source.provider"), s.Provider, 1, problem.MaxText)
	s.Source = v.OptionalName(at("source.source"), s.Source, problem.MaxText)
	s.Device = v.OptionalName(at("source.device"), s.Device, problem.MaxText)
	s.DeviceType = v.OptionalName(at("source.device_type"), s.DeviceType, problem.MaxText)
	v.Optional(at("source.device_name"), s.DeviceName, problem.MaxText)
	return s
}
