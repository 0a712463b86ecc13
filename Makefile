# Clearcut needs Python 3.11 or newer, pip and make; everything else is brought along.
#
#   make run      start the application on http://localhost:8000 (PORT=... for another port)
#   make test     check and test everything
#   make test-postgres  test what depends on the database, on PostgreSQL
#   make bench    measure it beside rembg
#   make lint     the static checks alone
#   make lock     write the requirements*.txt anew from the requirements*.in
#   make clean    remove .venv and caches (never var/ and media/, where the data is)

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	echo $$p; break; fi; done)
VENV_PYTHON := .venv/bin/python
ROOMS := config accounts images processing

.DEFAULT_GOAL := help
.PHONY: help run test test-postgres lint unit system bench lock clean need-python installed installed-dev

help:
	@sed -n '/^#   make/s/^#   //p' Makefile

run: installed
	@$(VENV_PYTHON) scripts/run.py

test: installed-dev
	@$(MAKE) --no-print-directory lint unit system

lint: installed-dev
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy $(ROOMS) scripts tests
	.venv/bin/djade --check $$(git ls-files 'templates/*.html' || find templates -name '*.html')
	.venv/bin/lint-imports
	.venv/bin/hadolint Dockerfile
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	$(VENV_PYTHON) manage.py makemigrations --check --dry-run --skip-checks \
		--settings config.settings.test

unit: installed-dev
	@$(VENV_PYTHON) manage.py fetch_models u2net u2netp || \
		echo "Without weights: the tests that need them are skipped."
	@$(VENV_PYTHON) manage.py quantize || true
	@$(VENV_PYTHON) manage.py warm || true
	$(VENV_PYTHON) -m pytest -n auto -m "not system"

system: installed-dev
	$(VENV_PYTHON) -m pytest -n 0 -m system --durations=25 --durations-min=8 tests/system

# What the database decides; the rest passes there as well, and takes long.
ON_POSTGRES := tests/accounts tests/images/api $(filter-out %/test_watchdog.py %/test_worker.py \
	%/test_backup.py %/test_cutout_command.py,$(wildcard tests/images/queue/test_*.py tests/images/test_*.py))

test-postgres: installed-dev
	$(VENV_PYTHON) -m tests.servers $(VENV_PYTHON) -m pytest -n auto $(ON_POSTGRES)

bench: installed-dev
	@$(VENV_PYTHON) -m scripts.bench $(BENCH)

LOCK := $(VENV_PYTHON) -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-header --python-version 3.11

lock: installed-dev
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-s3.in -o requirements-s3.txt
	$(LOCK) requirements-gpu.in -o requirements-gpu.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis var/bench-venv
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

installed: need-python
	@$(PYTHON) scripts/install.py

installed-dev: need-python
	@$(PYTHON) scripts/install.py dev

need-python:
	@test -n "$(PYTHON)" || { \
	echo "Clearcut needs Python 3.11 or newer, and none was found on PATH." >&2; \
	echo "Install one (www.python.org/downloads), or name it: make run PYTHON=/path/to/python3.11" >&2; \
	exit 1; }
