# The way in: `make demo` shows the main job, `make test` proves it. Each installs what it misses.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: docs help schemas setup demo demo-down test test-release test-machines test-kubernetes lint format lock images build bench kubernetes cut release

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: system .venv/.ready ## install what is missing: Docker engine, Compose, tools, and .venv with kboot

.PHONY: system
system:
	@bash scripts/setup.sh

.venv/.ready: requirements-dev.txt pyproject.toml | system
	@echo "Installing kboot and its tools into .venv"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## the main job in the lab: three empty virtual machines install themselves
	@$(BIN)/kboot lab up examples/lab.yaml

demo-down: setup ## take the demo down: no container, network, volume or process is left
	@$(BIN)/kboot lab down --cluster demo

test: setup lint ## every test, from unit to a whole install in virtual machines
	@# half of it waits; the long ones first, in the order given, or one of them runs alone at the end
	@$(BIN)/python -m pytest tests/container tests/service tests/golden tests/unit --numprocesses 4 --dist loadgroup --no-loadscope-reorder
	@$(BIN)/python -m pytest tests/machine/test_install.py

test-release: setup ## what is given away: bundles, kboot by pip, pipx and uv from its wheel, images the same at each build
	@$(BIN)/python -m pytest tests/release

test-machines: setup ## later days of a fleet; machines as unkind as those of a rack: clocks, disks, ports, cards (12 GB of memory, after `make kubernetes`)
	@$(BIN)/python -m pytest tests/machine/test_day_two.py tests/rack

test-kubernetes: setup ## a cluster of virtual machines from nothing to Ready, off and on, to a new address (after `make kubernetes`)
	@$(BIN)/python -m pytest tests/kubernetes --exitfirst # each of its tests needs the one before

lint: .venv/.ready ## style, types, import rules, scripts
	@$(BIN)/ruff check --no-cache .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@git grep -lE '^#!/bin/(ba|)sh|^#!/usr/bin/env bash' -- ':!tests' ':!*.j2' | xargs --no-run-if-empty shellcheck --external-sources --source-path=SCRIPTDIR

format: .venv/.ready ## rewrite the code in the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

kubernetes: .venv/.ready ## real Kubernetes for the lab, built from its public Go modules (needs Go; about ten minutes)
	@folder=$$($(BIN)/python -m kboot_lab.kubernetes) && \
	if [ -e "$$folder/versions" ]; then echo "kubernetes: $$folder is there"; \
	else bash lab/kubernetes/build.sh "$$folder"; fi

schemas: ## renew the schemas of the components' config files from their Go types (needs Go)
	@schemas=tests/service/kboot/render/component_schemas.json && \
	PATH="$$PATH:/usr/local/go/bin" go -C scripts/component_schemas run . >$$schemas.new && mv $$schemas.new $$schemas

images: setup ## build the service images
	@$(BIN)/python -m kboot.service_images.provide

docs: .venv/.ready ## renew docs/reference and share from the code
	@$(BIN)/python scripts/reference.py
	@$(BIN)/python scripts/share.py

bench: .venv/.ready ## figures beside nginx, into docs/performance.md (PARTS="images storm", MACHINES="1000 4000")
	@PYTHONPATH=tests $(BIN)/python benchmarks/bench.py $(PARTS) $(if $(MACHINES),--machines $(MACHINES))

build: .venv/.ready ## the wheel, into dist/
	@$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

cut: setup ## take Unreleased of the changelog to the version of pyproject.toml (DRY_RUN=1 changes nothing)
	@$(BIN)/python scripts/release.py cut $(if $(DRY_RUN),--dry-run)

release: setup ## the tagged version in dist/: wheel, SBOMs of the service images, checksums (TAR=FILE, PUSH=HOST/PATH, DRY_RUN=1)
	@$(BIN)/python scripts/release.py make $(if $(DRY_RUN),--dry-run) $(if $(TAR),--tar "$(TAR)") $(if $(PUSH),--push "$(PUSH)")

lock: .venv/.ready ## renew the locks after an edit of pyproject.toml (.venv has uv)
	$(UV) pip compile -q pyproject.toml $(LOCK) -o requirements.txt
	$(UV) pip compile -q pyproject.toml --group dev $(LOCK) -o requirements-dev.txt
	$(UV) pip compile -q --group pyproject.toml:cloudconfig $(LOCK) -o services/cloudconfig/requirements.txt
	$(UV) pip compile -q --group pyproject.toml:updater $(LOCK) -o services/updater/requirements.txt
UV := $(BIN)/uv
LOCK := --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11
