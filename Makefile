# Two stamps in .venv say what is installed; they age when setup.cfg or constraints.txt changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
REQUIREMENTS := setup.cfg pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test lint coverage bench validate mutants clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed  ## install what the simulator needs, run the quickstart, draw its figure
	$(BIN)/netsim sweep scenarios/quickstart.yaml

test: $(VENV)/.installed-dev  ## install everything (torch too), run all tests
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev  ## lint, formatting and strict types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

coverage: $(VENV)/.installed-dev  ## which lines and branches the tests reach
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

bench: $(VENV)/.installed  ## tokens per second of the engines, beside a bare loop
	$(BIN)/python -m benchmarks

validate: $(VENV)/.installed  ## docs/validation.md: every figure that is known without this code
	$(BIN)/python -m analysis.validation

mutants: $(VENV)/.installed-dev  ## plant errors in a sample of lines, see whether a test notices
	$(BIN)/python -m tests.mutants

clean:  ## remove .venv and caches
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(REQUIREMENTS) | $(VENV)/bin/python
	$(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/.installed-dev: $(REQUIREMENTS) | $(VENV)/bin/python
	$(PIP_INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.installed
