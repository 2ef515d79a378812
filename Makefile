.PHONY: test slow lint type bench docs
PYTHON ?= .venv/bin/python

test:  ## the plain suite
	$(PYTHON) -m pytest

slow:  ## the long learning runs and the wide kill tests
	$(PYTHON) -m pytest -m slow

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

type:
	$(PYTHON) -m mypy

bench:
	$(PYTHON) -m benchmarks core

docs:  ## writes the generated parts of docs/ again
	$(PYTHON) -m docs.generate
