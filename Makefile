# The daily commands. Each one first sees to the environment in .venv, which is made once and made
# again only when requirements.lock or pyproject.toml changes. Needed: git, make, Python 3.11.

SHELL := /bin/sh
.SUFFIXES:
.DEFAULT_GOAL := help
.PHONY: help demo test check bench evidence clean

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/stamp
LOG := $(VENV)/install.log

# A name on the PATH may be a launcher without a Python behind it, so each candidate is started.
FIND_PYTHON = for name in python3.11 python3; do "$$name" -c '' 2>/dev/null && echo "$$name" && break; done
IS_RECENT = import sys; sys.exit(sys.version_info < (3, 11))
TOO_OLD = Skerry needs Python 3.11 or newer: install it, or put it on the PATH as python3.11.

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP) ## a federation of four real centres on this machine, from import to result
	@$(PYTHON) -m deploy.demo

test: $(STAMP) ## every test
	@$(PYTHON) -m pytest

check: $(STAMP) ## format, lint, types, floors, generated files, packaging
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports
	$(PYTHON) -m deploy.checks.protobuf
	$(PYTHON) -m pytest --numprocesses=0 tests/architecture/test_packaging.py

bench: $(STAMP) ## times and memory against a peer; figures into deploy/evidence
	@$(PYTHON) -m deploy.bench

evidence: $(STAMP) ## the longer proofs: kills, noise; figures into deploy/evidence
	@$(PYTHON) -m deploy.evidence

clean: ## remove the environment and every cache
	rm -rf $(VENV) .demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is touched last: an installation that was interrupted is taken up again. A folder that
# another machine made, or that has no pip, is made anew.
$(STAMP): requirements.lock pyproject.toml
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ] || ! "$$python" -c '$(IS_RECENT)'; then echo '$(TOO_OLD)' >&2; exit 1; fi; \
	$(PYTHON) -m pip --version >/dev/null 2>&1 || "$$python" -m venv --clear $(VENV)
	@printf 'Installing the locked packages into $(VENV); this takes a minute or two ... '; \
	if { $(PYTHON) -m pip install --disable-pip-version-check --require-hashes -r requirements.lock \
	  && $(PYTHON) -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	} >$(LOG) 2>&1; \
	then echo 'done.'; \
	else echo 'failed. The end of $(LOG):' >&2; tail -n 20 $(LOG) >&2; exit 1; fi
	@touch $@
