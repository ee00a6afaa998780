# What a person types. Each target sets up what it needs on a fresh machine; the second time nothing is fetched.
#
#   make demo    the whole pipeline on this machine, with a sandbox shop, in about a minute
#   make test    every test: real Kafka, real SSH server, simulated platforms
#   make check   what CI does: lint, format, types, import arrows, schemas, then every test
#   make bench   what is fast and how close to the limit; writes bench/RESULTS.md
#   make lock    pin the packages of pyproject.toml anew, with hashes

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := check
.PHONY: demo test check bench lock setup neighbours lint types arrows schemas
.NOTPARALLEL:

BIN := .venv/bin
READY := .venv/.ready
PACKAGES := .venv/.packages
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PIP_TOOLS := pip-tools==7.6.2

# The first interpreter that is new enough and can make a virtual environment; a name on the path need not run.
FIND_PYTHON = for name in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	if $$name -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; done; \
	if [ -z "$${python:-}" ]; then echo 'Python 3.11 or newer with venv is needed: apt-get install python3 python3-venv' >&2; exit 1; fi

demo: setup neighbours
	@$(BIN)/tillstream demo

test: setup neighbours
	@$(BIN)/pytest -n 4 --dist loadfile

check: lint types arrows schemas test

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup
	@$(BIN)/mypy

arrows: setup
	@$(BIN)/lint-imports

schemas: setup
	@$(BIN)/python -m schemas.compatibility

bench: setup neighbours
	@$(BIN)/python -m bench

setup: $(READY)

# Java, Maven, an SSH server and Kafka's jars. What this machine does not allow is named, and what needs it says so.
neighbours: setup
	@.ci/neighbours

$(PACKAGES): requirements.lock
	@$(FIND_PYTHON); [ -x $(BIN)/python ] || $$python -m venv .venv
	@echo 'Installing the locked packages into .venv'
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

$(READY): $(PACKAGES) pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

lock:
	@$(FIND_PYTHON); [ -x .cache/lock/bin/python ] || $$python -m venv .cache/lock
	@.cache/lock/bin/python -m pip --disable-pip-version-check --quiet install $(PIP_TOOLS)
	@CUSTOM_COMPILE_COMMAND='make lock' .cache/lock/bin/pip-compile --quiet --upgrade --extra dev --build-deps-for editable \
		--generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--output-file requirements.lock pyproject.toml
