# SPDX-License-Identifier: Apache-2.0
# The front door: every habit of the project is one command. `make` alone lists them.
# Needs Python 3.11 or newer and make. Everything else goes into $(VENV).

SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin

# The first Python on PATH that is new enough; when none is, python3, for tools/make_venv.py to say so.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && exit; \
	done; echo python3)
endif

BOARD ?= examples/media-soc.dtb
SCENE ?= examples/scenes/media-soc-6.12.toml
PYTEST_ARGS ?= -n auto --dist worksteal
DTBS ?=
ORACLE_ARCH ?= arm64
ORACLE_ARGS ?=
NAME ?=
SUBJECT ?= 1

.NOTPARALLEL:
.PHONY: help demo test test-slow lint format types ci docs docs-check site rule bench oracle clean venv

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

# One stamp for each set of extras: a newer pyproject.toml makes the environment again.
$(VENV)/.stamp-run: pyproject.toml tools/make_venv.py
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) tools/make_venv.py $(VENV)
	@touch $@

$(VENV)/.stamp-test: pyproject.toml tools/make_venv.py
	@echo "making $(VENV) with $(PYTHON), for the tests"
	@$(PYTHON) tools/make_venv.py $(VENV) test
	@touch $@ $(VENV)/.stamp-run

$(VENV)/.stamp-dev: pyproject.toml tools/make_venv.py
	@echo "making $(VENV) with $(PYTHON), for development"
	@$(PYTHON) tools/make_venv.py $(VENV) dev
	@touch $@ $(VENV)/.stamp-test $(VENV)/.stamp-run

$(VENV)/.stamp-docs: pyproject.toml tools/make_venv.py
	@echo "making $(VENV) with $(PYTHON), for development and the documentation's site"
	@$(PYTHON) tools/make_venv.py $(VENV) dev browser docs
	@touch $@ $(VENV)/.stamp-dev $(VENV)/.stamp-test $(VENV)/.stamp-run

venv: $(VENV)/.stamp-dev ## make the virtual environment with everything for development

demo: $(VENV)/.stamp-run ## show where the example board's reserved memory goes
	$(BIN)/carveout map $(BOARD) --scene $(SCENE)

test: $(VENV)/.stamp-test ## run the tests
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-slow: $(VENV)/.stamp-test ## run the tests, the slow ones too
	CARVEOUT_SLOW=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.stamp-dev ## check the format and the lint rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(VENV)/.stamp-dev ## format the code, and fix what ruff can fix
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

types: $(VENV)/.stamp-dev ## check the types, strictly
	$(BIN)/mypy

docs: $(VENV)/.stamp-test ## write the parts of the documentation that are real output
	$(BIN)/python tools/support_matrix.py
	$(BIN)/python tools/rule_docs.py
	$(BIN)/python tools/update_readme.py

docs-check: $(VENV)/.stamp-test ## say whether `make docs` would change anything
	$(BIN)/python tools/support_matrix.py --check
	$(BIN)/python tools/rule_docs.py --check
	$(BIN)/python tools/update_readme.py --check

site: $(VENV)/.stamp-docs ## build the documentation as a site, in site/, and check its links
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	$(BIN)/python tools/check_site.py

rule: $(VENV)/.stamp-run ## make the file of a new rule (NAME=slug, SUBJECT=first digit of its code)
	$(BIN)/python tools/new_rule.py "$(NAME)" --subject "$(SUBJECT)"

ci: lint types test docs-check ## all that CI checks, without the slow tests

bench: $(VENV)/.stamp-run ## measure against peers and budgets (DTBS=FOLDER for real trees)
	$(BIN)/python bench/run.py $(if $(DTBS),--dtbs $(DTBS))

oracle: $(VENV)/.stamp-run ## boot real kernels in QEMU and compare (ORACLE_ARCH="arm64 arm riscv64", ORACLE_ARGS=...)
	-$(BIN)/python -m tools.oracle fetch --arch $(ORACLE_ARCH)
	$(BIN)/python -m tools.oracle run --arch $(ORACLE_ARCH) $(ORACLE_ARGS)
	$(BIN)/python -m tools.oracle pinned --arch $(ORACLE_ARCH)
	$(BIN)/python -m tools.oracle placed --arch $(ORACLE_ARCH)

clean: ## remove everything that make has made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage build dist site
	find src tests tools bench -name __pycache__ -prune -exec rm -rf {} +
