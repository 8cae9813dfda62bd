# Newcomers, hooks and build machines use these targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUST_SOURCES := $(shell find rust-pvar rust-engine \( -name target -o -name tests \) -prune -o \
	\( -name '*.rs' -o -name Cargo.toml -o -name Cargo.lock -o -name pyproject.toml \) -print)
CRATES := rust-pvar rust-engine
PORTABLE := $(if $(filter Linux,$(shell uname)),--zig --compatibility manylinux2014)

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all test-lowest test-gpu test-slurm lint format types rust docs site workflows wheels bench bench-pvar bench-resnet bench-gpu \
	stress-pvar fuzz-pvar sanitize miri-pvar neon check clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "%-12s %s\n", $$1, $$2}'

install: $(STAMP) ## set up .venv with resdepth, pvar and the tools (needs Python and a network)

$(STAMP): pyproject.toml constraints.txt $(RUST_SOURCES)
	@echo "installing into $(VENV): downloads torch (up to 2 GB) and compiles for minutes"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt ./rust-pvar --editable '.[dev]'
	touch $@

demo: install ## train three depths on the embedded data and write figures to demo/
	PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/quickstart.sh demo

# A CUDA device is hidden, because the tests expect the numbers of the CPU; the kernels run interpreted.
test: install ## run the tests (4 minutes on two cores)
	CUDA_VISIBLE_DEVICES= $(BIN)/python -m pytest -n 2 -m "not long"
	$(BIN)/python -m pytest rust-pvar/tests -n 2

test-all: install ## run the tests and their long forms (20 minutes on two cores)
	CUDA_VISIBLE_DEVICES= $(BIN)/python -m pytest -n 2
	$(BIN)/python -m pytest rust-pvar/tests -n 2

# pyproject.toml names the lowest versions; their own dependencies are as new as they allow.
LOWEST := build/lowest
test-lowest: ## run the tests with the lowest versions of the packages (in a new environment, 4 GB)
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --upgrade pip uv
	$(LOWEST)/bin/uv pip install --python $(LOWEST)/bin/python --resolution lowest-direct ./rust-pvar --editable '.[dev]'
	CUDA_VISIBLE_DEVICES= $(LOWEST)/bin/python -m pytest -n 2
	$(LOWEST)/bin/python -m pytest rust-pvar/tests -n 2

check: lint types rust test ## run lint, types, the crates' tests and the tests

lint: install ## run ruff and clippy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@if command -v cargo >/dev/null; then for crate in $(CRATES); do \
		cargo fmt --check --manifest-path $$crate/Cargo.toml && \
		cargo clippy --quiet --all-targets --manifest-path $$crate/Cargo.toml -- -D warnings || exit 1; \
	done; else echo "no cargo: clippy and rustfmt skipped"; fi

format: install ## format Python and Rust
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	for crate in $(CRATES); do cargo fmt --manifest-path $$crate/Cargo.toml; done

types: install ## run mypy
	$(BIN)/mypy

rust: ## run the crates' own tests
	@if command -v cargo >/dev/null; then for crate in $(CRATES); do \
		cargo test --release --manifest-path $$crate/Cargo.toml --no-default-features || exit 1; \
	done; else echo "no cargo: the crates' own tests skipped"; fi

docs: install ## write docs/cli.md from the commands
	$(BIN)/python -m resdepth.cli.reference > docs/cli.md

site: install ## build the documentation as web pages, with links and formulas checked
	$(BIN)/python docs/site.py

workflows: install ## check the workflows of the build machines and the citation
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	@PATH="$(abspath $(BIN)):$$PATH"; if command -v actionlint >/dev/null; then actionlint; \
		else echo "no actionlint: the workflows' expressions and scripts skipped"; fi

# One wheel for Python 3.11 and all later ones; zig links against a libc that every Linux has.
wheels: install ## build wheels of both packages into dist/ and try them without Rust (minutes)
	rm -rf dist
	if [ "$$(uname)" = Linux ]; then $(BIN)/python -m pip install --quiet --constraint constraints.txt ziglang; fi
	for package in rust-pvar .; do (cd $$package && PATH="$(abspath $(BIN)):$$PATH" maturin build \
		--release --out "$(CURDIR)/dist" $(PORTABLE)) || exit 1; done
	sh .ci/try-wheels $(abspath $(BIN))/python

test-gpu: install ## run the GPU engine's tests, compiled (needs a CUDA device)
	$(BIN)/python -m pytest tests/engine/test_cuda.py tests/engine/test_graphed.py \
		tests/engine/test_tiling.py tests/engine/test_convolutional.py tests/training/test_gpu.py

# Slurm keeps its files in a folder of its own; only its packages are installed in the system.
test-slurm: install ## test studies on a local Slurm, started for this (needs root on Debian)
	@if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "no root or no Debian: the tests on Slurm skipped"; exit 0; fi; \
	export SLURM_LOCAL_DIR=$$(mktemp -d) SLURM_LOCAL_ACCT=0; \
	trap 'tests/support/slurm-local.sh stop; rm -rf "$$SLURM_LOCAL_DIR"' EXIT; \
	tests/support/slurm-local.sh start && eval "$$(tests/support/slurm-local.sh env)" && \
	CUDA_VISIBLE_DEVICES= $(BIN)/python -m pytest tests/studies/test_slurm.py

bench: install ## compare the CPU engine with torch
	$(BIN)/python benchmarks/bench_step.py

bench-pvar: install ## compare p-variation with other methods
	$(BIN)/python benchmarks/bench_pvar.py

stress-pvar: ## compare 100,000 random paths with the plain recursion (minutes)
	cd rust-pvar && cargo run --release --example stress 100000

fuzz-pvar: ## fuzz p-variation for half an hour (needs cargo-fuzz)
	cd rust-pvar && RUSTC_BOOTSTRAP=1 cargo fuzz run recursion -- \
		-max_total_time=1800 -max_len=4096 -timeout=600

sanitize: ## run the crates' tests with the address sanitizer (x86-64 Linux)
	for crate in $(CRATES); do (cd $$crate && RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test \
		--no-default-features --target x86_64-unknown-linux-gnu --target-dir target/address \
		--lib --tests) || exit 1; done

miri-pvar: ## run pvar's tests with Miri, without vector instructions (needs a nightly toolchain with miri)
	cd rust-pvar && MIRIFLAGS='-Zmiri-disable-isolation -Zmiri-deterministic-floats' \
		cargo +nightly miri test --no-default-features --lib --tests

neon: ## run the crates' tests for aarch64, emulated (needs its target, its gcc and qemu-aarch64)
	for crate in $(CRATES); do (cd $$crate && \
		CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
		CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER='qemu-aarch64 -L /usr/aarch64-linux-gnu' cargo test \
		--no-default-features --target aarch64-unknown-linux-gnu --lib --tests) || exit 1; done

bench-resnet: install ## compare resnet-cifar with a plain loop
	$(BIN)/python benchmarks/bench_resnet.py

bench-gpu: install ## compare the GPU engine with torch (needs a CUDA device)
	$(BIN)/python benchmarks/bench_gpu.py

clean: ## remove build files and .venv, but not runs
	rm -rf $(VENV) rust-pvar/target rust-engine/target .mypy_cache .ruff_cache .hypothesis
