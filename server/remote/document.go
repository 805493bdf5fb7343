package remote

import (
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/openwearables/openwearables/gen/openapi"
)

// document is what openapi.yaml says of one operation.
type document struct {
	summary, description string
	members              map[string]string // their descriptions
}

// spec is the part of openapi.yaml that is read.
type spec struct {
	Paths      map[string]map[string]specOperation `yaml:"paths"`
	Components struct {
		Parameters map[string]parameter  `yaml:"parameters"`
		Schemas    map[string]specSchema `yaml:"schemas"`
	} `yaml:"components"`
}

type specOperation struct {
	ID          string      `yaml:"operationId"`
	Summary     string      `yaml:"summary"`
	Description string      `yaml:"description"`
	Parameters  []parameter `yaml:"parameters"`
	Body        struct {
		Content map[string]struct {
			Schema specSchema `yaml:"schema"`
		} `yaml:"content"`
	} `yaml:"requestBody"`
}

type parameter struct {
	Ref         string `yaml:"$ref"`
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
}

type specSchema struct {
	Ref         string                `yaml:"$ref"`
	Description string                `yaml:"description"`
	AllOf       []specSchema          `yaml:"allOf"`
	Properties  map[string]specSchema `yaml:"properties"`
}

// documents are those of all operations. They are read when help is asked for.
var documents = sync.OnceValue(func() map[string]document {
	var s spec
	if err := yaml.Unmarshal(openapi.Spec, &s); err != nil {
		panic("remote: openapi.yaml: " + err.Error()) // it is a part of the program
	}
	all := map[string]document{}
	for _, path := range s.Paths {
		for _, o := range path {
			d := document{o.Summary, strings.TrimSpace(plain(o.Description)), map[string]string{}}
			for _, p := range o.Parameters {
				if p.Ref != "" {
					p = s.Components.Parameters[last(p.Ref)]
				}
				d.members[p.Name] = oneLine(p.Description)
			}
			for _, content := range o.Body.Content {
				s.describe(content.Schema, d.members)
			}
			all[o.ID] = d
		}
	}
	return all
})

func (s *spec) describe(schema specSchema, members map[string]string) {
	if schema.Ref != "" {
		schema = s.Components.Schemas[last(schema.Ref)]
	}
	for _, part := range schema.AllOf {
		s.describe(part, members)
	}
	for name, property := range schema.Properties {
		text := property.Description
		if text == "" && property.Ref != "" {
			text = s.Components.Schemas[last(property.Ref)].Description
		}
		members[name] = oneLine(text)
	}
}

func documentOf(operation string) document { return documents()[operation] }

// last returns the name at the end of a reference.
func last(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// plain returns the text without the marks of code.
func plain(text string) string { return strings.ReplaceAll(text, "`", "") }

func oneLine(text string) string { return strings.Join(strings.Fields(plain(text)), " ") }
