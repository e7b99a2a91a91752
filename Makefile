# Everything a maintainer runs. What is built or installed for it beside Cargo's own files stands outside the clone, in
# $(CACHE), so that a second run is quick.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kubernetes-aws-authenticator
VENV := $(CACHE)/venv-$(firstword $(shell sha256sum tests/interop/requirements.txt))
# The checksum of what a folder is made of is in its name, so that another clone with other pins has its own.
CLIENTS_OF = $(CACHE)/clients-$(1)-$(firstword $(shell cat tests/clients/install.sh tests/clients/$(1)/* | sha256sum))
CLIENTS_PYTHON := $(call CLIENTS_OF,python)
CLIENTS_NODE := $(call CLIENTS_OF,node)
CLIENTS_JAVA := $(call CLIENTS_OF,java)
CLUSTER_BIN := $(CACHE)/cluster
PEER_BIN := $(CACHE)/peer
AWS_CLI_V2_PYTHON ?= $(CACHE)/aws-cli-2.9.19/python
CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.2
CARGO_DENY := $(CACHE)/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny
CARGO_FUZZ := $(CACHE)/cargo-fuzz-$(CARGO_FUZZ_VERSION)/bin/cargo-fuzz
FUZZ_SECONDS ?= 60
CHAOS_SECONDS ?= 600
DIST_TARGET ?= x86_64-unknown-linux-gnu

.PHONY: help
help: ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: demo
demo: ## the main job, told to a person; needs nothing but Rust
	cargo run --package authenticator-tests --bin demo

.PHONY: test
test: $(VENV)/ready $(AWS_CLI_V2_PYTHON) cluster-binaries peer-program client-libraries ## every test; needs Rust, Go, Python, Node, a JDK, Maven and Debian's aws-cli
	INTEROP_PYTHON=$(VENV)/bin/python AWS_CLI_V2_PYTHON=$(AWS_CLI_V2_PYTHON) CLUSTER_BIN=$(CLUSTER_BIN) \
		PEER_BIN=$(PEER_BIN) CLIENTS_PYTHON=$(CLIENTS_PYTHON) CLIENTS_NODE=$(CLIENTS_NODE) CLIENTS_JAVA=$(CLIENTS_JAVA) \
		cargo test --workspace --locked -- --show-output

.PHONY: playground
playground: cluster-binaries ## a cluster to log in to, until Ctrl-C; needs Rust and Go
	CLUSTER_BIN=$(CLUSTER_BIN) cargo run --quiet --package authenticator-tests --bin playground

.PHONY: cluster-binaries
cluster-binaries:
	tests/cluster/build.sh $(CLUSTER_BIN)

.PHONY: peer-program
peer-program:
	tests/peer/build.sh $(PEER_BIN)

.PHONY: client-libraries
client-libraries: $(CLIENTS_PYTHON)/ready $(CLIENTS_NODE)/ready $(CLIENTS_JAVA)/ready

$(CLIENTS_PYTHON)/ready $(CLIENTS_NODE)/ready $(CLIENTS_JAVA)/ready: $(CACHE)/clients-%/ready:
	tests/clients/install.sh $(firstword $(subst -, ,$*)) $(@D)

$(VENV)/ready: tests/interop/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --requirement tests/interop/requirements.txt
	touch $@

$(CACHE)/aws-cli-2.9.19/python:
	tests/interop/aws-cli-v2.sh $(@D)

.PHONY: lint
lint: $(CARGO_DENY) ## formatting, clippy, documentation, dependencies
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	$< --all-features check bans licenses sources

.PHONY: advisories
advisories: $(CARGO_DENY) ## known vulnerabilities of the dependencies; fetches RustSec's database
	$< --all-features check advisories

.PHONY: fuzz
fuzz: $(CARGO_FUZZ) ## each fuzz target for FUZZ_SECONDS
	for target in $$($< list); do \
		RUSTC_BOOTSTRAP=1 $< run "$$target" -- -max_total_time=$(FUZZ_SECONDS) -max_len=20000 -print_final_stats=1; \
	done

.PHONY: bench
bench: peer-program ## what the main job takes, as a table, beside bare hyper and the Go program
	PEER_BIN=$(PEER_BIN) cargo run --quiet --release --package authenticator-tests --bin bench

.PHONY: flood
flood: ## who is let in while forged tokens come by the hundred, as a table
	cargo run --quiet --release --package authenticator-tests --bin flood

.PHONY: herd
herd: peer-program ## how thousands of nodes join at once, as a table, beside the Go program; ends with an error if one is denied
	PEER_BIN=$(PEER_BIN) cargo run --quiet --release --package authenticator-tests --bin herd

.PHONY: faults
faults: ## one fault after the other for a minute each, and what people see of it, as a table
	cargo run --quiet --release --package authenticator-tests --bin faults

.PHONY: chaos
chaos: ## every fault at random for CHAOS_SECONDS, and what must hold all the same; ends with an error if it does not
	CHAOS_SECONDS=$(CHAOS_SECONDS) cargo run --quiet --package authenticator-tests --bin chaos

# Packed, what must be relocated at each start is a small part of the file. A static program unpacks it itself, from glibc 2.36 on.
ifeq ($(DIST_TARGET),$(shell rustc -vV | sed -n 's/^host: //p'))
PACKED := $(shell getconf GNU_LIBC_VERSION 2>/dev/null | \
	awk '{ split($$2, v, "."); if (v[1] > 2 || v[2] >= 36) print "-C link-arg=-Wl,-z,pack-relative-relocs" }')
endif

.PHONY: dist
dist: ## what is shipped: small, static binaries
	RUSTFLAGS="-C target-feature=+crt-static $(PACKED)" cargo build --locked --profile dist --target $(DIST_TARGET) \
		--package authenticator-client --package authenticator-server
	# As the linker leaves them they lie in memory in small pieces; a copy, as an installation makes one, starts a tenth sooner.
	cd $(or $(CARGO_TARGET_DIR),target)/$(DIST_TARGET)/dist && for program in authenticator-client authenticator-server; do \
		cp $$program $$program.copy && mv $$program.copy $$program; \
	done

$(CARGO_DENY):
	cargo install --quiet --locked --root $(CACHE)/cargo-deny-$(CARGO_DENY_VERSION) cargo-deny --version $(CARGO_DENY_VERSION)

$(CARGO_FUZZ):
	cargo install --quiet --locked --root $(CACHE)/cargo-fuzz-$(CARGO_FUZZ_VERSION) cargo-fuzz --version $(CARGO_FUZZ_VERSION)
