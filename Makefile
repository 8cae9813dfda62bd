# Everything a newcomer, a hook or a build machine does goes through these targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUST_SOURCES := $(shell find rust-pvar rust-engine \( -name target -o -name tests \) -prune -o \
	\( -name '*.rs' -o -name Cargo.toml -o -name Cargo.lock -o -name pyproject.toml \) -print)
CRATES := rust-pvar rust-engine
PORTABLE := $(if $(filter Linux,$(shell uname)),--zig --compatibility manylinux2014)

.DEFAULT_GOAL := help
.PHONY: help install demo test test-lowest test-gpu test-slurm lint format types rust docs site workflows wheels bench bench-pvar bench-resnet bench-gpu \
	stress-pvar fuzz-pvar sanitize miri-pvar neon check clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "%-12s %s\n", $$1, $$2}'

install: $(STAMP) ## set up .venv with resdepth, pvar and the tools (needs Python and a network)

$(STAMP): pyproject.toml constraints.txt $(RUST_SOURCES)
	@echo "installing into $(VENV): torch is a download of up to 2 GB, the compiler takes minutes"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt ./rust-pvar --editable '.[dev]'
	touch $@

demo: install ## train three depths on the embedded data and draw figures into demo/
	PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/quickstart.sh demo

# A CUDA device is hidden: what these tests expect is the CPU's; the kernels run interpreted.
test: install ## run the tests
	CUDA_VISIBLE_DEVICES= $(BIN)/python -m pytest -n 2
	$(BIN)/python -m pytest rust-pvar/tests -n 2

# pyproject.toml names the lowest versions; what those need in turn is as new as they allow.
LOWEST := build/lowest
test-lowest: ## run the tests with the lowest versions of the packages (in a new environment, 4 GB)
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --upgrade pip uv
	$(LOWEST)/bin/uv pip install --python $(LOWEST)/bin/python --resolution lowest-direct ./rust-pvar --editable '.[dev]'
	CUDA_VISIBLE_DEVICES= $(LOWEST)/bin/python -m pytest -n 2
	$(LOWEST)/bin/python -m pytest rust-pvar/tests -n 2

check: lint types rust test ## lint, types, the crates' tests and tests

lint: install ## ruff and clippy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@if command -v cargo >/dev/null; then for crate in $(CRATES); do \
		cargo fmt --check --manifest-path $$crate/Cargo.toml && \
		cargo clippy --quiet --all-targets --manifest-path $$crate/Cargo.toml -- -D warnings || exit 1; \
	done; else echo "no cargo: clippy and rustfmt left out"; fi

format: install ## format Python and Rust
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	for crate in $(CRATES); do cargo fmt --manifest-path $$crate/Cargo.toml; done

types: install ## mypy
	$(BIN)/mypy

rust: ## the crates' own tests
	@if command -v cargo >/dev/null; then for crate in $(CRATES); do \
		cargo test --release --manifest-path $$crate/Cargo.toml --no-default-features || exit 1; \
	done; else echo "no cargo: the crates' own tests left out"; fi

docs: install ## write docs/cli.md from the commands
	$(BIN)/python -m resdepth.cli.reference > docs/cli.md

site: install ## the documentation as web pages, every link checked
	$(BIN)/python docs/site.py

workflows: install ## check the workflows of the build machines and the citation
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	@PATH="$(abspath $(BIN)):$$PATH"; if command -v actionlint >/dev/null; then actionlint; \
		else echo "no actionlint: the workflows' expressions and scripts left out"; fi

# One wheel for Python 3.11 and all later ones; zig links against a libc that every Linux has.
wheels: install ## build wheels of both packages into dist/ and try them without Rust (minutes)
	rm -rf dist
	if [ "$$(uname)" = Linux ]; then $(BIN)/python -m pip install --quiet --constraint constraints.txt ziglang; fi
	for package in rust-pvar .; do (cd $$package && PATH="$(abspath $(BIN)):$$PATH" maturin build \
		--release --out "$(CURDIR)/dist" $(PORTABLE)) || exit 1; done
	sh .ci/try-wheels $(abspath $(BIN))/python

test-gpu: install ## the GPU engine's tests, compiled (needs a CUDA device)
	$(BIN)/python -m pytest tests/engine/test_cuda.py tests/engine/test_graphed.py \
		tests/engine/test_tiling.py tests/engine/test_convolutional.py tests/training/test_gpu.py

# Slurm keeps all it has in a folder of its own; only its packages go into the system.
test-slurm: install ## studies on a Slurm that is brought up for them (needs root on Debian)
	@if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "no root or no Debian: the tests on Slurm left out"; exit 0; fi; \
	export SLURM_LOCAL_DIR=$$(mktemp -d) SLURM_LOCAL_ACCT=0; \
	trap 'tests/support/slurm-local.sh stop; rm -rf "$$SLURM_LOCAL_DIR"' EXIT; \
	tests/support/slurm-local.sh start && eval "$$(tests/support/slurm-local.sh env)" && \
	CUDA_VISIBLE_DEVICES= $(BIN)/python -m pytest tests/studies/test_slurm.py

bench: install ## the CPU engine against torch
	$(BIN)/python benchmarks/bench_step.py

bench-pvar: install ## p-variation against the methods there are
	$(BIN)/python benchmarks/bench_pvar.py

stress-pvar: ## 100,000 random paths against the plain recursion (minutes)
	cd rust-pvar && cargo run --release --example stress 100000

fuzz-pvar: ## fuzz p-variation for half an hour (needs cargo-fuzz)
	cd rust-pvar && RUSTC_BOOTSTRAP=1 cargo fuzz run recursion -- \
		-max_total_time=1800 -max_len=4096 -timeout=600

sanitize: ## the crates' tests under the address sanitizer (x86-64 Linux)
	for crate in $(CRATES); do (cd $$crate && RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test \
		--no-default-features --target x86_64-unknown-linux-gnu --target-dir target/address \
		--lib --tests) || exit 1; done

miri-pvar: ## the crate's tests under Miri, without vectors (needs a nightly toolchain with miri)
	cd rust-pvar && MIRIFLAGS='-Zmiri-disable-isolation -Zmiri-deterministic-floats' \
		cargo +nightly miri test --no-default-features --lib --tests

neon: ## the crates' tests for aarch64, emulated (needs its target, its gcc and qemu-aarch64)
	for crate in $(CRATES); do (cd $$crate && \
		CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
		CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER='qemu-aarch64 -L /usr/aarch64-linux-gnu' cargo test \
		--no-default-features --target aarch64-unknown-linux-gnu --lib --tests) || exit 1; done

bench-resnet: install ## resnet-cifar against a plain loop
	$(BIN)/python benchmarks/bench_resnet.py

bench-gpu: install ## the GPU engine against torch (needs a CUDA device)
	$(BIN)/python benchmarks/bench_gpu.py

clean: ## remove what the build left, but not runs
	rm -rf $(VENV) rust-pvar/target rust-engine/target .mypy_cache .ruff_cache .hypothesis
