# make demo   train on some cities, locate phones in another, write runs/demo/report.html
# make test   everything the tests know; make test-instruction-sets as other processors would run it
# make fuzz   10,000 broken inputs through every reader
# All make a virtual environment in .venv first, with the exact versions of constraints.txt.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Where PyTorch's builds without CUDA lie. Used where no NVIDIA driver is found; if it cannot be reached,
# pip's ordinary index serves the larger build with CUDA, which works as well.
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu

# Bytecode is kept: the suite starts the command some hundred times, which would compile the package each time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-instruction-sets fuzz lint types wheel bench docs clean

help:
	@echo "make demo | test | test-instruction-sets | fuzz | lint | types | wheel | bench | docs | clean"

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "raylocus needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1 | head -1); run: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu run: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import torch' 2>/dev/null || command -v nvidia-smi >/dev/null || \
	  $(BIN)/python -m pip install --quiet --no-deps --retries 0 --timeout 10 -c constraints.txt \
	    --index-url $(TORCH_CPU_INDEX) torch 2>/dev/null || true
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,ray,s3,serve,dev]'
	# DeepMIMO asks for numpy < 2.3 but loads scenarios with newer ones; only the test of its format needs it.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt deepmimo
	@touch $@

demo: $(INSTALLED)
	$(BIN)/raylocus demo

# A file's tests share what is costly to build, so they go to one worker; a thread each, as there are two of them.
test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-instruction-sets: $(INSTALLED)
	tests/instruction_sets.sh

# FUZZ="--first 300 --readers place": goes on, or tries some.
fuzz: $(INSTALLED)
	PYTHONPATH=src:tests $(BIN)/python -m fuzz.run --inputs 10000 --seed 1 $(FUZZ)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/pyrefly check

wheel: $(INSTALLED)
	.ci/wheel

# Every benchmark at a size that ends; what needs measured data is left out with a sentence.
bench: $(INSTALLED)
	.ci/bench

docs: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python -m pdoc --docformat google --output-directory build/docs raylocus
	@echo "open build/docs/index.html; the guides are docs/*.md"

clean:
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis
	@echo "kept: .venv places datasets runs (remove them by hand to start afresh)"
