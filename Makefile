# Each target makes the environment first (tools/bootstrap.py; once, then at once). PYTHON=/path/to/python3.12 chooses the Python.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format types notebooks notebooks-check figures lab constraints clean

PYTHON3 ?= python3
BIN := .venv/bin

# Without stored bytecode every import takes threefold; the environment and its caches are the project's own.
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## make .venv ready (every other target does it by itself)
	@$(PYTHON3) tools/bootstrap.py

demo: setup  ## write the demo study and run it whole, into results/demo
	@$(BIN)/phenotyper demo --out results/demo --overwrite

test: setup  ## run the whole test suite
	@$(BIN)/python -m pytest -q -p no:cacheprovider

lint: setup  ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: setup  ## mend what ruff can mend
	@$(BIN)/ruff check --fix --exit-zero --quiet .
	@$(BIN)/ruff format .

types: setup  ## mypy on the package
	@$(BIN)/mypy

notebooks: setup  ## execute notebooks/*.py into the committed .ipynb
	@$(BIN)/python tools/build_notebooks.py

notebooks-check: setup  ## the committed .ipynb agree with their .py, and each runs without an error
	@$(BIN)/python tools/build_notebooks.py --check

figures: setup  ## draw the pictures of README and docs again
	@$(BIN)/python tools/make_figures.py

lab: setup  ## open JupyterLab on the notebooks
	@$(BIN)/jupyter lab notebooks

constraints:  ## resolve constraints.txt anew
	@$(PYTHON3) tools/bootstrap.py --constraints

clean:  ## remove the environment, results and caches
	@rm -rf .venv .tools results .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	@find phenotyper tests tools benchmarks notebooks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
