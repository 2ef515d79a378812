.PHONY: test slow lint type bench docs
PYTHON ?= .venv/bin/python

test:  ## the plain suite
	$(PYTHON) -m pytest

slow:  ## the long learning runs, the wide kill tests and the full products of the laws
	$(PYTHON) -m pytest -m slow

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(dir $(PYTHON))lint-imports

type:
	$(PYTHON) -m mypy

bench:
	$(PYTHON) -m benchmarks core

docs:  ## generates pages of docs/
	$(PYTHON) -m docs.generate
