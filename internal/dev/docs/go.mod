module github.com/openwearables/openwearables/internal/dev/docs

go 1.26.0

require github.com/yuin/goldmark v1.8.7

require go.yaml.in/yaml/v3 v3.0.5
