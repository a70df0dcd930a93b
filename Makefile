# make demo, make test: from a fresh clone, with Python 3.11 or newer.
# Everything is installed into $(VENV), made anew when the requirements change.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
PYTEST_FLAGS ?=
TEST ?=

BIN := $(VENV)/bin
RUN := $(BIN)/python
SOURCES := $(wildcard ceil_jax pallas_kernels data configs tests benchmarks docs examples)
PYTEST := $(RUN) -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_FLAGS)

# The generated data set in small, trained and evaluated on this machine.
DEMO_WORKDIR ?= runs/demo

# A data set as distributed: make people LAYOUT=RegDB PEOPLE=/path/to/folder WORKDIR=DIR
LAYOUT ?= RegDB
PEOPLE ?=
WORKDIR ?= runs/people
CONFIG := configs/$(shell echo '$(LAYOUT)' | tr 'A-Z-' 'a-z_').py
# A small encoder and a short training: minutes on a CPU, no figure to quote.
SMALL := --config.allow_partial=True --config.image_size="(96, 48)" --config.augment.pad=6 --config.augment.strong_view_from=image \
  --config.encoder.width=16 --config.encoder.stage_sizes="(1, 1, 1, 1)" \
  --config.init_from=ceil_jax/pretrained/synthetic.safetensors \
  --config.stage1_epochs=10 --config.stage2_epochs=5 --config.save_epoch=5 --config.eval_step=0 \
  --config.batch.visible_rows=20 --config.batch.images_per_proxy=5 --config.batch.stage1_steps=20 --config.batch.stage2_steps=20 \
  --config.optimizer.schedule=cosine --config.optimizer.warmup_epochs=1 --config.optimizer.rate=2e-4
PEOPLE_FLAGS ?=

# JAX with its CUDA plugin and NVIDIA's compiler, without the CUDA libraries.
H100_VENV ?= .venv-h100

# What writes and checks the locks.
LOCK_VENV ?= .venv-lock

# Sphinx and what runs the notebook, beside $(VENV), whose packages it sees.
DOCS_VENV ?= .venv-docs
SITE_PACKAGES := import sysconfig; print(sysconfig.get_path("purelib"))

# What differs from the whole suite: make bench BENCH_FLAGS=--only=gcr
BENCH_FLAGS ?=
# Such as CHAOS_FLAGS="--only=kills --kills=100"
CHAOS_FLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo people bench bench-long bench-gpu chaos docs test test-quick test-all test-h100 lint format format-check typecheck install install-dev lock audit clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# Without huge pages a training step on Linux spends a quarter of its time on page faults.
demo people: export GLIBC_TUNABLES ?= glibc.malloc.hugetlb=1

demo: install ## train both stages on generated pedestrians and print the table
	$(RUN) -m ceil_jax.main --config configs/synthetic.py --workdir $(DEMO_WORKDIR) $(DEMO_FLAGS)

people: install ## train a small encoder on the folder PEOPLE/LAYOUT, results in WORKDIR
	@test -n "$(PEOPLE)" || { echo "make people needs PEOPLE=folder that holds $(LAYOUT)" >&2; exit 2; }
	$(RUN) -m ceil_jax.main --config $(CONFIG) --config.data_dir=$(PEOPLE)/$(LAYOUT) --workdir $(WORKDIR) $(SMALL) $(PEOPLE_FLAGS)

bench: install-dev ## measure on this processor, in docs/benchmarks.md (under 15 minutes)
	$(RUN) -m benchmarks.cpu $(BENCH_FLAGS)

bench-long: install-dev ## the same for the largest sizes: a million images, in some seven minutes
	$(RUN) -m benchmarks.cpu --long $(BENCH_FLAGS)

chaos: install-dev ## kill, damage, fill up and stop runs in every way, and count the faults
	$(RUN) -m benchmarks.chaos $(CHAOS_FLAGS)

docs: $(DOCS_VENV)/.installed ## build the site in docs/_build/html, links checked, notebook run
	$(DOCS_VENV)/bin/sphinx-build -q -E -a -W --keep-going docs docs/_build/html

bench-gpu: ## the same for the GPU of this machine, with the Python that is active
	python3 -m benchmarks.gpu $(BENCH_FLAGS)

test: install-dev ## every test, as CI runs them (TEST=path for some)
	$(PYTEST) $(TEST)

test-quick: install-dev ## the tests that take less than ten seconds each
	$(PYTEST) -m "not slow" $(TEST)

test-all: ## what CI runs: format, lint, types, every test, test-h100
	bash .ci/run

test-h100: $(H100_VENV)/.installed ## compile kernels, GCR and training for an H100, on a machine without one
	$(H100_VENV)/bin/python -m pytest tests/h100

lint: install-dev ## ruff's rules
	$(BIN)/ruff check .

format: install-dev ## rewrite the sources in ruff's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only .

format-check: install-dev ## fail where `make format` would change something
	$(BIN)/ruff format --check .

typecheck: install-dev ## pyright
	$(BIN)/pyright --pythonpath $(RUN)

install: $(VENV)/.installed ## what running needs
install-dev: $(VENV)/.installed-dev ## what the checks need, too

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11: say make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: requirements.txt requirements-base.txt constraints.txt locks/build.txt locks/demo.txt | $(VENV)/.python
	@echo "installing into $(VENV), about a minute"
	@bash locks/install $(RUN) demo
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt locks/dev.txt $(VENV)/.installed
	@bash locks/install $(RUN) dev
	@touch $@

$(DOCS_VENV)/.installed: requirements-docs.txt locks/docs.txt $(VENV)/.installed
	$(RUN) -m venv $(DOCS_VENV)
	@$(RUN) -c '$(SITE_PACKAGES)' >"$$($(DOCS_VENV)/bin/python -c '$(SITE_PACKAGES)')/beside.pth"
	@echo "installing into $(DOCS_VENV), half a minute"
	@bash locks/install $(DOCS_VENV)/bin/python docs
	@touch $@

# The compiler follows the driver, not JAX: its version is not in the constraints.
$(H100_VENV)/.installed: constraints.txt
	$(PYTHON) -m venv $(H100_VENV)
	@echo "installing into $(H100_VENV), 250 MB to fetch"
	$(H100_VENV)/bin/pip --disable-pip-version-check install --quiet -c constraints.txt jax flax optax scipy jaxtyping beartype pytest pytest-timeout
	$(H100_VENV)/bin/pip --disable-pip-version-check install --quiet --no-deps -c constraints.txt \
	  $$($(H100_VENV)/bin/python -c 'import jax; print(*(f"jax-cuda13-{part}=={jax.__version__}" for part in ("plugin", "pjrt")))') \
	  nvidia-cuda-nvcc nvidia-nvvm
	@touch $@

lock: $(LOCK_VENV)/.installed ## write locks/ anew, after requirements*.txt or constraints.txt have changed
	bash locks/renew $(LOCK_VENV)/bin/uv

audit: $(LOCK_VENV)/.installed ## ask PyPI for known vulnerabilities of the locked versions
	$(LOCK_VENV)/bin/pip-audit -r locks/dev.txt --require-hashes --disable-pip

$(LOCK_VENV)/.installed:
	$(PYTHON) -m venv $(LOCK_VENV)
	$(LOCK_VENV)/bin/pip --disable-pip-version-check install --quiet uv==0.13.9 pip-audit==2.10.1
	@touch $@

clean: ## remove what runs and checks leave behind; .venv and runs/ stay
	rm -rf .pytest_cache .ruff_cache .hypothesis build dist docs/_build *.egg-info
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
