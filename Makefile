# Every target does its own set-up on a fresh machine: python3 >= 3.11 with venv, make, git and a network; no root.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2

KILLS ?= 110
WORLDS ?= 2000

# Hundreds of processes are started: where bytecode is not kept (some images say so), each compiles all that it imports.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test lint chaos bench control-plane lock clean

help:
	@echo "make demo           the main job on a simulated fleet, from nothing"
	@echo "make test           everything that must pass: lint, types, tests; one of them is demo --check, of the built wheel"
	@echo "make lint           ruff and mypy --strict"
	@echo "make chaos          kill, freeze and restart the engine, its database and its cloud: 220 kill -9 (KILLS=, SEED=), and one before and after each transition that is stored; then 2,000 random rotations of nodes (WORLDS=); and 10,000 notices through a Slack that fails, with 30 kill -9"
	@echo "make bench          all benchmarks, into docs/benchmarks.md"
	@echo "make control-plane  get the real control planes, Helm and Prometheus that the tests run against (cached)"
	@echo "make lock           renew requirements.lock"

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fleetkeeper needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)
	@$(BIN)/fleetkeeper demo

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

control-plane: $(STAMP)
	$(BIN)/python -m fleetkeeper.sim.programs
	$(BIN)/python -m fleetkeeper.sim.control_plane build $(or $(MINORS),1.35 1.36)

test: lint control-plane
	folder=$$(.ci/temporary) && trap 'rm -rf "$$folder"' EXIT && TMPDIR="$$folder" $(BIN)/pytest -n $(WORKERS)

chaos: $(STAMP)
	FLEETKEEPER_CHAOS_KILLS=$(KILLS) FLEETKEEPER_CHAOS_SEED=$(SEED) $(BIN)/pytest tests/chaos -v -rP --durations=0
	FLEETKEEPER_WORLDS=$(WORLDS) $(BIN)/pytest tests/engine/test_rotation_worlds.py -v -n 2

bench: $(STAMP)
	$(MAKE) control-plane MINORS="1.36 1.31"
	$(BIN)/python bench/run_all.py

lock: $(STAMP)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 pyproject.toml --extra demo --group dev \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header -o requirements.lock

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
