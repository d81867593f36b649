# Two commands do everything on a machine that has Python 3.11 or newer: `make demo` and `make test`.
# The README has the same lines for those without make.

PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3 python; do \
	$$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN := .venv/$(SCRIPTS)
RESOLVER := .venv/resolver/$(SCRIPTS)
ARGS ?=
export PIP_QUIET := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo dashboard screenshots lab test lint constraints

help:
	@echo 'make demo         start everything; Ctrl-C stops it    (make demo ARGS="--broker rabbitmq")'
	@echo 'make dashboard    the dashboard alone, for a system that runs already'
	@echo 'make lab          open the notebooks in JupyterLab, with a system ready for them'
	@echo 'make test         run every test                       (make test ARGS="tests/unit -k order")'
	@echo 'make lint         ruff and mypy'
	@echo 'make constraints  resolve the newest versions that fit, and pin them in constraints.txt'

demo: .venv/installed
	$(BIN)/cqrs-demo up $(ARGS)

dashboard: .venv/installed
	$(BIN)/cqrs-demo dashboard $(ARGS)

# The pictures that the README shows, from a system started for them.
screenshots: .venv/installed-test
	CQRS_SCREENSHOTS=dashboard/screenshots $(BIN)/python -m pytest tests/browser/test_screenshots.py

lab: .venv/installed-lab
	$(BIN)/cqrs-demo lab $(ARGS)

# Three at a time, file by file: most of them wait for something half of the time.
test: .venv/installed-test
	$(BIN)/python -m pytest $(or $(ARGS),-n 3 --dist loadfile --no-loadscope-reorder)

lint: .venv/installed-test
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m mypy

# The two files are stamps: while neither pyproject.toml nor constraints.txt changes, nothing is installed again.
.venv/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer (with venv) was not found. Install it (Debian, Ubuntu: python3 and python3-venv)," \
		"or say where it is: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, but $(PYTHON) is %d.%d" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -c constraints.txt -e .
	@touch $@

.venv/installed-lab: .venv/installed
	$(BIN)/python -m pip install -c constraints.txt -e ".[lab]"
	@touch $@

.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install -c constraints.txt -e ".[test]"
	@touch $@

# One version of each package for every supported Python and system: uv resolves them all at once, and sed drops the
# "only on Windows" markers, since a constraint on a package that is not installed does nothing.
constraints:
	$(PYTHON) -m venv .venv/resolver
	$(RESOLVER)/python -m pip install uv
	$(RESOLVER)/uv pip compile -q --upgrade --universal --python-version 3.11 --fork-strategy fewest --all-extras \
		--no-header --no-annotate --no-emit-index-url -o .venv/resolver/pins.txt pyproject.toml
	sed 's/ *;.*//' .venv/resolver/pins.txt > constraints.txt
