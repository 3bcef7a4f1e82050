# Everything from a fresh clone, with only Python (3.11 or later) and a package index.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3.15 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test fuzz lint format bench corpus realworld library docs clean

help:  ## show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

.venv/ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later was not found: install it, or say make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: .venv/ready  ## edit a running program, and watch it go on
	@$(BIN)/python fixtures/demo.py

test: .venv/ready  ## run all tests on every supported Python that is found (VERSIONS="3.12 3.14": on these)
	$(if $(VERSIONS),VERSIONS="$(VERSIONS)") $(BIN)/nox

lint: .venv/ready  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

FUZZ ?= 2000
fuzz: .venv/ready  ## play FUZZ=2000 random sequences of edits for each property
	DYNTRANSFORM_FUZZ=$(FUZZ) $(BIN)/python -m pytest -q tests/reloading/test_properties.py

format: .venv/ready  ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/bench: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

bench: .venv/bench  ## measure, side by side with plain Python and the peers (make bench QUICK=1: fewer samples; ARGS='--only start': one part)
	$(BIN)/python tests/bench/bench.py $(if $(QUICK),--quick) $(ARGS)

corpus: .venv/ready  ## rewrite the whole standard library and all installed packages, and compare
	DYN_CORPUS=all $(BIN)/python -m pytest -q -k everything tests/transform/test_corpus.py

realworld: .venv/ready  ## run the tests of other projects with and without rewriting (ARGS=--more for all of them, --built from built trees)
	$(BIN)/python tests/realworld/realworld.py $(ARGS)

library: .venv/ready  ## run tests of the standard library on itself, with and without rewriting
	$(BIN)/python tests/realworld/library.py $(ARGS)

docs: .venv/ready  ## run the code in the documentation
	$(BIN)/python -m pytest -q tests/test_docs.py

clean:  ## remove everything that was made
	rm -rf .venv .nox dist build .mypy_cache .ruff_cache .hypothesis .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
