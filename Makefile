# make demo: sets up everything and runs the main job.   make test: sets up everything and passes the tests.
# make look: sets up everything and opens a page of what a pretrained model looks at.
# make docs: sets up everything and builds the documentation into build/docs.
PYTHON ?= python3
BIN := .venv/bin
MADE := .venv/.made
SOURCES := $(shell find src tests docs benchmarks page README.md pyproject.toml -type f -not -name '*.pyc' -not -path 'page/node_modules/*' 2>/dev/null)
NATIVE := $(shell find native -type f -not -name '*.pyc' 2>/dev/null)
RUN := runs/demo
SANITIZED := build/sanitize
# What `make sanitize` runs: ten minutes. `make test` takes two of its files.
CHECKED ?= tests/native
LEVEL := from regard.attention.native.library import kernels; print(kernels().level)

.PHONY: demo look test families coverage docs page bundle setup lint sanitize clean

setup: $(MADE)/native

$(MADE)/setup: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Regard needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -C wheel.cmake=false -e '.[dev,docs]'
	@PYTHONPATH=native $(BIN)/python -c 'import regard_build as build; exit(build.system() is None)' \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt ziglang || true
	@mkdir -p $(MADE) && touch $@

# Kernels are built again where native/ has changed, and only what depends on the change, as build/native is kept.
$(MADE)/native: $(MADE)/setup $(NATIVE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  -C build-dir=build/native -C cmake.define.CMAKE_COMPILE_WARNING_AS_ERROR=ON -e .
	@touch $@

# With and without attention, about three and a half minutes each; what is finished is not trained again.
demo: $(MADE)/native
	$(BIN)/regard compare translation --only attention,none --run $(RUN) training.minutes=3.4
	$(BIN)/regard look $(RUN)/attention --text

# A small language model (93 MB, downloaded once) reads the first chapter of Moby Dick; a page shows what it looked at.
look: $(MADE)/native
	$(BIN)/regard look smollm2

test: $(MADE)/test
	@echo "all tests have passed, and nothing has changed since"

$(MADE)/test: $(MADE)/native $(SOURCES)
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory page
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal
	$(MAKE) --no-print-directory sanitize CHECKED='tests/native/test_attention.py tests/native/test_decode.py'
	$(MAKE) --no-print-directory docs
	@touch $@

# What the tests reach, line by line. Counting makes plain Python almost twice as slow, so `make test` does not count.
coverage: $(MADE)/native
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal --cov --cov-report=term:skip-covered

# The kernels' tests again, on libraries that stop at an address or an operation that is none. What Python and PyTorch
# leak is not ours. Both runtimes are loaded first: the sanitizers', and that of C++, whose exceptions they watch.
# Only gcc is asked, which brings its runtime; without it, this is left out. Built are the level that tests load on this
# chip and the plain one, which tells which that is.
sanitize: $(MADE)/native
ifeq ($(shell command -v g++),)
	@echo "no g++ here: nothing was sanitized"
else
	PATH="$(abspath $(BIN)):$$PATH" cmake -S native -B $(SANITIZED) -G Ninja -DCMAKE_CXX_COMPILER=g++ \
	  -DREGARD_LEVELS="baseline,$$($(BIN)/python -c '$(LEVEL)')" -DREGARD_SANITIZE=address,undefined \
	  -DCMAKE_COMPILE_WARNING_AS_ERROR=ON > /dev/null
	PATH="$(abspath $(BIN)):$$PATH" cmake --build $(SANITIZED)
	REGARD_NATIVE=$(abspath $(SANITIZED)) OMP_NUM_THREADS=1 ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	  LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" \
	  REGARD_EXAMPLES=20 $(BIN)/python -m pytest -q -n 2 $(CHECKED) -k "not building and not level"
endif

# Models of Hugging Face under the minor version before the one that `make test` has: a minute, and not in CI. Only the
# package itself is another; it lies beside, and is found first.
FAMILIES ?= 5.22
families: $(MADE)/native
	rm -rf build/families
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target build/families 'transformers==$(FAMILIES).*'
	PYTHONPATH=build/families OMP_NUM_THREADS=1 $(BIN)/python -c 'import transformers; exit(not transformers.__version__.startswith("$(FAMILIES)."))'
	PYTHONPATH=build/families OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q \
	  tests/look/test_record_families.py tests/look/test_record_generation.py tests/look/test_hugging_face.py

# From nothing each time, since tables and reference depend on code that Sphinx does not watch; seconds.
docs: $(MADE)/native
	rm -rf build/docs
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -q -W --keep-going -E -d build/doctrees -b html docs build/docs
	@echo "the documentation begins at build/docs/index.html"

# The page's bundle is kept beside the code, so that nobody needs node to install it. This builds it anew from page/,
# with the packages of its lock file, and compares byte for byte; `make bundle` puts the new one there.
page: BUNDLE := build/page
bundle: BUNDLE := src/regard/look/page
ifeq ($(shell command -v npm),)
page bundle:
	@echo "no npm here: the page was not built again"; test "$(REGARD_BROWSER)" != required
else
page bundle: page/node_modules/.made
	cd page && npm run --silent check && npx --no-install vite build --logLevel warn --outDir $(abspath $(BUNDLE))
	diff -r $(BUNDLE) src/regard/look/page
endif

page/node_modules/.made: page/package-lock.json
	cd page && npm ci --silent --no-audit --no-fund
	@touch $@

lint: $(MADE)/setup
	$(BIN)/ruff check src tests benchmarks docs native
	$(BIN)/ruff format --check src tests benchmarks docs native
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv build dist runs page/node_modules .mypy_cache .ruff_cache .hypothesis
