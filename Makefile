# make demo: sets up everything and runs the main job.   make test: sets up everything and passes the tests.
# make docs: sets up everything and builds the documentation into build/docs.
PYTHON ?= python3
BIN := .venv/bin
MADE := .venv/.made
SOURCES := $(shell find src tests docs benchmarks README.md pyproject.toml -type f -not -name '*.pyc' 2>/dev/null)
RUN := runs/demo

.PHONY: demo test docs setup lint clean

setup: $(MADE)/setup

$(MADE)/setup: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Regard needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs]'
	@mkdir -p $(MADE) && touch $@

# With and without attention, about three and a half minutes each; what is finished is not trained again.
demo: $(MADE)/setup
	$(BIN)/regard compare translation --only attention,none --run $(RUN) training.minutes=3.4
	$(BIN)/regard look $(RUN)/attention --text

test: $(MADE)/test
	@echo "all tests have passed, and nothing has changed since"

$(MADE)/test: $(MADE)/setup $(SOURCES)
	$(MAKE) --no-print-directory lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal --cov --cov-report=term:skip-covered
	$(MAKE) --no-print-directory docs
	@touch $@

# From nothing each time, since tables and reference depend on code that Sphinx does not watch; seconds.
docs: $(MADE)/setup
	rm -rf build/docs
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -q -W --keep-going -E -d build/doctrees -b html docs build/docs
	@echo "the documentation begins at build/docs/index.html"

lint: $(MADE)/setup
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv build dist runs .mypy_cache .ruff_cache .hypothesis
