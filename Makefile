# Every target does the set-up it needs and can be run again at once. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PURE := api analysis routing workloads

.DEFAULT_GOAL := help
.PHONY: help demo demo-down test test-cluster test-unit test-quick explore lint generate bench clean

help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: $(VENV)/installed ## A real cluster, a good release and a bad one, live in this terminal
	@$(BIN)/python hack/demo up

demo-down: ## Remove everything the demo made
	@$(PYTHON) hack/demo down

test-quick: $(VENV)/installed lint ## Pure rooms, types, style, import contract: seconds
	@$(BIN)/pytest -q --numprocesses=2 -m "not slow" $(PURE:%=tests/unit/%)

test: $(VENV)/installed lint ## Everything, on a real cluster that it starts and removes
	@$(BIN)/python hack/lab build
	@$(MAKE) --no-print-directory --jobs=2 test-cluster test-unit
	@$(BIN)/pytest --numprocesses=6 --maxschedchunk=1 tests/e2e

test-cluster:
	@$(BIN)/pytest --numprocesses=2 tests/cluster

# Takes the time in which the cluster's tests wait, and no more: they are about moments. Shown once they are done.
test-unit:
	@shown=$$(nice -n 5 $(BIN)/pytest --numprocesses=2 tests/unit tests/simulation 2>&1); status=$$?; \
		echo "$$shown"; exit $$status

explore: $(VENV)/installed ## Look for releases that break an invariant, by chance and for long
	@$(BIN)/pytest --numprocesses=2 --hypothesis-profile=explore tests/simulation/test_invariants.py

lint: $(VENV)/installed
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache

generate: $(VENV)/installed ## Write what is made from the models: crds/, chart, reference
	@$(BIN)/python hack/generate

bench: $(VENV)/installed ## Where we stand against the budget
	@$(BIN)/python hack/bench

clean: ## Remove what was built in this folder
	@rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/installed: requirements-dev.txt pyproject.toml
	@echo "installing the Python packages into $(VENV) (about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@
