# Everything is made in this checkout: .venv for Python, .parts for real programs that tests run against.
PYTHON ?= python3
PY := .venv/bin/python
FUZZ_SECONDS ?= 60
# `make check test` runs each test once: what `check` ran is not run again.
REST := $(if $(filter check,$(MAKECMDGOALS)),-m "parts or e2e")
BLOCK_FILES := index chunks/000001 meta.json tombstones index-header
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup parts demo check test e2e differential thanos-turns fuzz bench warm format proto clean

help:           ## Show this list.
	@sed -n 's/^\([a-z0-9-]*\): .*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

setup: .venv/.ready ## Make .venv with everything pinned and the kernels compiled.

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --editable '.[dev]'
	.venv/bin/promontory warm
	touch $@

parts: .venv/.ready ## Find or fetch the real prometheus, redis-server and rclone that tests start.
	$(PY) -m tests.fetch_parts prometheus promtool redis-server rclone

demo: setup     ## Run a small site with 30 days of history on 127.0.0.1:10902.
	.venv/bin/promontory demo

check: setup    ## Lint, types, tidiness and the fast tests.
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest -q tests/test_tidy.py
	$(PY) -m pytest -q -n 2 --dist loadfile -m "not parts and not e2e"

test: setup parts ## Run every test, with the real programs.
	.venv/bin/promontory warm
	$(PY) -m pytest -q -n 2 --dist loadfile $(REST)

e2e: setup parts ## Run only the end-to-end tests.
	$(PY) -m pytest -q -m e2e

differential: setup parts ## Ask 20,000 random queries of ours and of the real Prometheus 2.42.
	$(PY) -m tests.differential --queries 20000

thanos-turns: setup parts ## Let the program THANOS and our compactor take turns on one bucket (THANOS=path).
	$(PY) -m tests.thanos_turns --thanos $(THANOS)

fuzz: setup     ## Fuzz every format for FUZZ_SECONDS each, and flip every bit of a small block.
	$(PY) -m pip install --quiet --editable '.[fuzz]'
	$(PY) -m tests.fuzz --seconds $(FUZZ_SECONDS)
	$(foreach file,$(BLOCK_FILES),$(PY) -m tests.hostile_block $(file) flip --bits 8 &&) true

bench: setup    ## Measure beside real Prometheus and VictoriaMetrics on the same data.
	$(PY) -m tests.fetch_parts prometheus promtool victoria-metrics
	.venv/bin/promontory warm
	$(PY) -m tests.bench.kernels
	$(PY) -m tests.bench.store
	$(PY) -m tests.bench.wire
	$(PY) -m tests.bench.blocks
	$(PY) -m tests.bench.compaction
	$(PY) -m tests.bench.downsampling
	-$(PY) -m tests.bench.idle
	$(PY) -m tests.bench.hostile
	$(PY) -m tests.bench.histograms
	$(PY) -m tests.bench.large_index
	$(PY) -m tests.bench.bucket_index
	$(PY) -m tests.bench.growth
	$(PY) -m tests.bench

warm: setup     ## Compile the kernels into the cache.
	.venv/bin/promontory warm

format: setup   ## Format and fix what can be fixed.
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

proto: setup    ## Generate the protobuf modules from their .proto files.
	$(PY) -m promontory.store.rpc.proto

clean:          ## Remove what was made here.
	rm -rf .venv .parts build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
