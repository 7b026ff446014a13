# Two stamps in .venv say what is installed; they age when setup.cfg or constraints.txt changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
REQUIREMENTS := setup.cfg pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs links fuzz lowest bench validate mutants clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed  ## install what the simulator needs, sweep the quickstart and the real pair, draw their figures
	$(BIN)/netsim sweep scenarios/quickstart.yaml
	$(BIN)/netsim sweep scenarios/real-pair.yaml

test: $(VENV)/.installed-dev  ## install everything (torch too), run all tests; COVERAGE=1 says what they reach
	$(BIN)/python $(if $(COVERAGE),-m coverage run) -m pytest
	$(if $(COVERAGE),$(BIN)/python -m coverage report)

lint: $(VENV)/.installed-dev  ## lint, formatting and strict types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(VENV)/.installed-dev  ## write the reference pages anew, build all pages into build/site
	$(BIN)/python -m netsim.results.reference > docs/columns.md
	$(BIN)/python -m netsim.scenario.reference > docs/scenario.md
	$(BIN)/python -m netsim.cli.reference > docs/commands.md
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -c docs . build/site
	@echo build/site/docs/index.html

links: $(VENV)/.installed-dev  ## check the links that leave the clone; needs the network
	$(BIN)/python -m sphinx --builder linkcheck --quiet -c docs . build/links

fuzz: $(VENV)/.installed-dev  ## mutated scenarios, traces, chunks, profiles, CSV: FUZZ times what `make test` tries
	NETSIM_FUZZ=$(or $(FUZZ),30) $(BIN)/python -m pytest tests/fuzz -q

lowest:  ## the tests but those of models, with the oldest dependencies that setup.cfg allows
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check --editable . \
	    $$($(PYTHON) -c "import configparser as c; s = c.ConfigParser(); s.read('setup.cfg'); \
	    wanted = s['options']['install_requires'] + s['options.extras_require']['dask']; \
	    print(*(r.replace('>=', '==') for r in wanted.split()))") pytest 'hypothesis>=6.110' 'jsonschema>=4.23'
	.venv-lowest/bin/python -m pytest -q -W default tests/channels tests/traces tests/netsim

bench: $(VENV)/.installed  ## tokens per second of the engines, beside a bare loop
	$(BIN)/python -m benchmarks

validate: $(VENV)/.installed  ## docs/validation.md: every figure that is known without this code
	$(BIN)/python -m analysis.validation

mutants: $(VENV)/.installed-dev  ## plant errors in a sample of lines, see whether a test notices
	$(BIN)/python -m tests.mutants

clean:  ## remove .venv and caches
	rm -rf $(VENV) .venv-lowest build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(REQUIREMENTS) | $(VENV)/bin/python
	$(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/.installed-dev: $(REQUIREMENTS) | $(VENV)/bin/python
	$(PIP_INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.installed
