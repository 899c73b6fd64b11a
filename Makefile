# Set-up, tests and the main job. A fresh machine needs Python 3.11, 3.12 or 3.13, pip and make.
PYTHON ?= python3
VENV   ?= .venv
EXTRAS ?= dev
PY     := $(VENV)/bin/python
# Ends with 1 if a Python is one that the package does not run on.
SUITED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
LINKS  := $(if $(PIP_FIND_LINKS),--find-links "$(PIP_FIND_LINKS)")

# Without bytecode on the disk each of the many processes of the tests compiles torch anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test test-all format bench bench-gpu clean

help:
	@echo "make demo      set up and run the whole progression on a small built-in data set (7 to 12 minutes)"
	@echo "make test      set up and run all checks: format, lint, types, tests (5 to 7 minutes)"
	@echo "make test-all  the same with the slow tests"
	@echo "make bench     how fast pre-training is on this machine"
	@echo "make bench-gpu the same on a CUDA device, within eight minutes"

setup: $(VENV)/.done

$(VENV)/.done: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (the first time about a minute) ..."
	@if test -x $(PY); then $(PY) -c '$(SUITED)' || { \
		echo "$(VENV) was made with $$($(PY) --version 2>&1), and videomae2 needs Python 3.11," \
			"3.12 or 3.13: make clean removes it"; exit 1; }; \
	else $(PYTHON) -c '$(SUITED)' 2> /dev/null || { \
		echo "videomae2 needs Python 3.11, 3.12 or 3.13, and '$(PYTHON)' is" \
			"$$($(PYTHON) --version 2> /dev/null || echo not there); name another:" \
			"make setup PYTHON=python3.12"; exit 1; }; fi
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install -q --disable-pip-version-check -c constraints.txt uv
	@$(VENV)/bin/uv pip install -q --python $(PY) $(LINKS) -c constraints.txt -b constraints.txt \
		-e ".[$(EXTRAS)]"
	@touch $@

demo: setup
	@$(VENV)/bin/videomae2 demo

test: setup
	@PY=$(PY) .ci/checks

test-all: setup
	@PY=$(PY) .ci/checks -m "not gpu"

format: setup
	@$(PY) -m ruff check -q --fix . ; $(PY) -m ruff format -q .

bench: setup
	@$(VENV)/bin/videomae2 bench pretrain

# Finds a Python that has torch: this one or that of the environment. A GPU machine may have no more.
bench-gpu:
	@PYTHONPATH="src$${PYTHONPATH:+:$$PYTHONPATH}" $(PYTHON) -m videomae2.commands.bench.gpu

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
