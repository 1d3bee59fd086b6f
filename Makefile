# Every target makes and uses .venv by itself. `make demo` and `make test` are the two that matter to a newcomer.
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: setup demo announce test live browser attacks check format reference bench clean

setup: $(STAMP)

# pip is silent for minutes, so the size of the folder says that it goes on.
$(STAMP): pyproject.toml constraints.txt
	@echo "installing into $(VENV), once: packages of some 700 MB that become 2.7 GB, 2 to 5 minutes; with the CUDA"
	@echo "libraries that pip takes for torch on Linux more (PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu: without)"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,dev]' & pip=$$!; \
	while sleep 10; kill -0 $$pip 2>/dev/null; do echo "installing: $$(du -sm $(VENV) | cut -f1) of 2700 MB"; done; \
	wait $$pip
	touch $(STAMP)

demo: announce $(STAMP)
	$(BIN)/mindsmirror demo

announce:
	@echo "the demo: first, once, packages and models (2 GB to fetch); then some 15 minutes on 2 cores"

# In as many processes as there are cores.
test: $(STAMP)
	$(BIN)/python -m pytest -n auto --durations=10

# What needs the catalogue's models; `make demo` has fetched them.
live: $(STAMP)
	$(BIN)/python -m pytest -m live

# What needs Chromium.
browser: $(STAMP)
	$(BIN)/python -m pytest -m browser

# Kills, mutated files and hostile texts by thousands, for minutes; MINDSMIRROR_ATTACKS=10 makes it ten times as many.
attacks: $(STAMP)
	$(BIN)/python -m pytest tests/attacks -m attack --durations=10

check: $(STAMP)
	$(BIN)/ruff format --check src tests benchmarks examples
	$(BIN)/ruff check src tests benchmarks examples
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/architecture

format: $(STAMP)
	$(BIN)/ruff format src tests benchmarks examples
	$(BIN)/ruff check --fix src tests benchmarks examples

# Writes docs/reference/ and the recipe's JSON schema from the code; `check` fails if they are stale.
reference: $(STAMP)
	$(BIN)/python -m mindsmirror.reference

bench: $(STAMP)
	$(BIN)/python benchmarks/tree.py
	$(BIN)/python benchmarks/asking.py
	$(BIN)/python benchmarks/endpoint.py
	$(BIN)/python benchmarks/training.py

clean:
	rm -rf $(VENV) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
