# Two commands matter: `make demo` and `make test`. Both set up what they need.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BINARY := bin/deputy
# nomsgpack leaves out a codec of gin that nothing here uses.
TAGS   := nomsgpack
SUDO   := $(if $(filter 0,$(shell id -u)),,sudo)

# step says what is happening: some steps take minutes.
step = @printf '\n== %s  (%s)\n' '$(1)' "$$(date +%H:%M:%S)"

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Try the whole story in your browser, offline
	@$(BINARY) demo

.PHONY: build
build: ## Build bin/deputy
	$(call step,Building $(BINARY); the first time takes a minute or two)
	@CGO_ENABLED=0 go build -tags $(TAGS) -trimpath -ldflags '-s -w' -o $(BINARY) ./cmd/deputy

# A module of its own: what the examples need is not what Deputy needs.
.PHONY: examples
examples: ## Build the programs of docs/examples into bin/
	$(call step,Building the examples)
	@CGO_ENABLED=0 go -C docs/examples build -trimpath -o $(CURDIR)/bin/ ./...

.PHONY: test
test: tools lint build test-go test-e2e ## Run everything: both databases, race detector, real clients, real browser

# The race detector needs cgo. It also checks pointer arithmetic, which SQLite, translated
# from C, does nothing else than: not there. CI=true makes an absent PostgreSQL a
# failure, not a skipped half. The thousand random pages are read without it.
.PHONY: test-go
test-go: build ## Run the Go tests with -race, on SQLite and PostgreSQL
	$(call step,Go tests with the race detector on SQLite and PostgreSQL)
	@CI=true CGO_ENABLED=1 DEPUTY_TEST_BINARY=$(CURDIR)/$(BINARY) scripts/postgres.sh go test -race -gcflags='modernc.org/...=-d=checkptr=0' -tags $(TAGS) -timeout 10m ./...
	@go test -tags $(TAGS) -run TestThePageIsWhatIsStored/sqlite ./consent/flow
	@CGO_ENABLED=1 go -C docs/examples test -race ./...

.PHONY: test-e2e
test-e2e: build examples e2e/node_modules/.package-lock.json ## Run foreign clients and the browser against bin/deputy
	$(call step,Foreign clients and the browser; screenshots go to e2e/out)
	@cd e2e && CI=true DEPUTY_TEST_BINARY=$(CURDIR)/$(BINARY) ../scripts/postgres.sh npm test --silent

.PHONY: screens
screens: e2e/node_modules/.package-lock.json ## Take the pictures in docs/screens anew
	@cd e2e && node screens.mjs

.PHONY: bench
bench: ## Measure, as bench/README.md reports it
	@DEPUTY_POSTGRES_FSYNC=on scripts/postgres.sh go run -tags $(TAGS) ./bench

.PHONY: torture
torture: ## Refresh under 1,000 calls and kill -9 between every two steps
	$(call step,Refreshes on 3 replicas and PostgreSQL and on SQLite)
	@CI=true DEPUTY_POSTGRES_FSYNC=on scripts/postgres.sh go test -tags $(TAGS) -count 1 -v ./scripts/torture -calls 1000

.PHONY: mutate
mutate: ## Ask whether the tests of the consent engine notice mistakes (takes half an hour)
	@go run -tags $(TAGS) ./scripts/mutate -args '-rapid.nofailfile -rapid.shrinktime=1ms' ./consent decide.go steps.go required.go renew.go more.go along.go also.go agree.go permit.go rate.go grant.go details.go petition.go less.go face.go caution.go

.PHONY: lint
lint: ## Check formatting and sizes, and run go vet
	$(call step,Formatting and go vet)
	@big=$$(git ls-files -z | xargs -0 sh -c 'find "$$@" -maxdepth 0 -size +5M' sh); \
	  if [ -n "$$big" ]; then echo "too large to commit:"; echo "$$big"; exit 1; fi
	@bad=$$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 ls 2>/dev/null | xargs gofmt -l); \
	  if [ -n "$$bad" ]; then echo "not formatted, run gofmt -w on:"; echo "$$bad"; exit 1; fi
	@go vet -tags $(TAGS) ./...
	@go -C docs/examples vet ./...

.PHONY: vuln
vuln: ## Look for known vulnerabilities in what is used (needs the network)
	@go run golang.org/x/vuln/cmd/govulncheck@latest -tags $(TAGS) ./...

# What Debian lacks is installed from its own packages; what is there is left
# alone.
.PHONY: tools
tools: e2e/node_modules/.package-lock.json ## Install what the tests need: a C compiler, PostgreSQL, Chromium, OpenSSL, npm packages
	@for tool in go npm; do command -v $$tool >/dev/null || { echo "make: $$tool is needed and is not here"; exit 1; }; done
	@missing=(); \
	  command -v gcc >/dev/null || missing+=(gcc libc6-dev); \
	  ls -d /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql); \
	  command -v chromium >/dev/null || missing+=(chromium); \
	  command -v openssl >/dev/null || missing+=(openssl); \
	  if [ $${#missing[@]} -gt 0 ]; then \
	    printf '\n== Installing %s\n' "$${missing[*]}"; \
	    $(SUDO) apt-get update -q; \
	    DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -q -y --no-install-recommends "$${missing[@]}"; \
	  fi

e2e/node_modules/.package-lock.json: e2e/package.json e2e/package-lock.json e2e/.npmrc
	$(call step,Installing the npm packages of e2e)
	@cd e2e && npm ci --no-fund --no-audit
	@touch $@

.PHONY: clean
clean: ## Remove what was built
	@rm -rf bin e2e/out e2e/node_modules
