.DEFAULT_GOAL := help
ARGS ?=
UV = $$(tools/bootstrap.sh)
.PHONY: help demo test test-all check format lint types imports docs picture clean

help:  ## list all targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo:  ## show the whole gateway on this machine (ARGS=--once ends after the proof)
	@uv=$(UV) && $$uv run --quiet --frozen --no-default-groups --extra demo nbgw demo $(ARGS)

test:  ## run the tests: everything pip can install, no root
	@uv=$(UV) && $$uv run --quiet --frozen --all-groups pytest -n auto $(ARGS)

test-all:  ## the same with Debian's chromium, installed by apt where root runs this
	@tools/install_chromium.sh
	@$(MAKE) --no-print-directory test

check: format lint types imports test  ## format, lint, types, imports, tests

format:  ## check the formatting
	@uv=$(UV) && $$uv run --quiet --frozen --all-groups ruff format --check .

lint:  ## lint
	@uv=$(UV) && $$uv run --quiet --frozen --all-groups ruff check .

types:  ## check the types of source and tests
	@uv=$(UV) && $$uv run --quiet --frozen --all-groups mypy

imports:  ## check which part imports which
	@uv=$(UV) && $$uv run --quiet --frozen --all-groups lint-imports

docs:  ## write docs/support-matrix.md from the capabilities
	@uv=$(UV) && $$uv run --quiet --frozen --all-groups python tools/support_matrix.py

picture:  ## take docs/images/file-browser.png anew (needs chromium)
	@uv=$(UV) && $$uv run --quiet --frozen --all-groups python -m tools.file_browser_picture

clean:  ## remove what the targets have made
	rm -rf .venv .venvs .mypy_cache .ruff_cache .pytest_cache
