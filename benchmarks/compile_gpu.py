"""Compile the GPU kernels without a GPU, and print what the assembler made of them.

    python benchmarks/compile_gpu.py [--all] [--width 15 32 64 128] [--samples 2048 12500]
        [--activation tanh] [--augmentation skip] [--dtype float32] [--precision ieee] [--recompute]
        [--capability 90] [--variant shipped]

Registers a thread, bytes of stack (spills) and of shared memory, instructions of the loop over the
layers. With `--all` every activation and augmentation.
"""

import argparse
import itertools
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gpu_variants
import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from resdepth.engine.kernels import triton_backward, triton_forward
from resdepth.engine.kernels.tiling import SHARED, Machine, Shape, Tiling, tiling
from resdepth.mathematics.activation import ACTIVATIONS

MACHINES = {
    80: Machine(processors=108, memory=80 << 30, shared=166_912),  # A100
    86: Machine(processors=84, memory=24 << 30, shared=101_376),  # RTX 3090
    89: Machine(processors=128, memory=24 << 30, shared=101_376),  # RTX 4090
    90: Machine(processors=132, memory=80 << 30, shared=232_448),  # H100
}
"""One device of each compute capability."""
TOOLS = Path(triton.__file__).parent / "backends/nvidia/bin"
AUGMENTATIONS = ("skip", "none", "linear_skip", "inc_skip")
_COUNTS = ("N", "d", "L", "segment", "tiles", "S", "entries")
_STRIDES = ("h0_stride", "layer_stride", "kept_stride", "starts_stride")


def compiled(
    kernel: Any, dtype: str, constants: dict[str, object], plan: Tiling, capability: int
) -> Any:
    """`kernel` as the engine launches it."""
    signature, aligned = {}, {}
    for position, name in enumerate(kernel.arg_names):
        if name in constants:
            signature[name] = "constexpr"
        elif name in _COUNTS:
            signature[name] = "i32"
        else:
            signature[name] = "i64" if name in _STRIDES else f"*{dtype}"
            aligned[(position,)] = [["tt.divisibility", 16]]
    source = ASTSource(kernel, signature, constexprs=constants, attrs=aligned)
    options = {"num_warps": plan.warps, "num_stages": plan.stages, "enable_fp_fusion": True}
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)


def assembler(binary: Any) -> tuple[int, int, int, int]:
    """Registers, stack, shared memory, and instructions of the innermost loop that is longest."""
    with tempfile.TemporaryDirectory() as folder:
        cubin = Path(folder) / "kernel.cubin"
        cubin.write_bytes(binary.asm["cubin"])
        report = _tool("cuobjdump", "-res-usage", cubin)
        code = _tool("nvdisasm", "-c", cubin)
    found = re.search(r"REG:(\d+) STACK:(\d+)", report)
    if found is None:
        raise RuntimeError("cuobjdump says nothing of registers")
    return int(found[1]), int(found[2]), binary.metadata.shared, max(_inner_loops(code), default=0)


def _tool(name: str, *arguments: object) -> str:
    command = [str(TOOLS / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _inner_loops(code: str) -> Iterator[int]:
    labels: dict[str, int] = {}
    loops: list[tuple[int, int]] = []
    position = 0
    for line in code.splitlines():
        if label := re.match(r"\s*(\.L_x_\d+):", line):
            labels[label[1]] = position
        elif re.match(r"\s+/\*[0-9a-f]+\*/\s+\S", line):
            branch = re.search(r"\bBRA\b.*?(\.L_x_\d+)", line)
            if branch and branch[1] in labels:
                loops.append((labels[branch[1]], position))
            position += 1
    for first, last in loops:
        if not any(first <= a and b <= last for a, b in loops if (a, b) != (first, last)):
            yield last - first + 1


def kernels(
    plan: Tiling, codes: dict[str, object], recompute: bool
) -> Iterator[tuple[str, Any, Any]]:
    """The three kernels of a step and their constants."""
    forward = {"KEEP_STARTS": True, "KEEP_LAYERS": not recompute}
    yield "forward", triton_forward.forward_kernel, codes | forward
    yield "backward", triton_backward.backward_kernel, codes | {"RECOMPUTE": recompute}
    rows, block = triton_backward.SUM_ROWS, triton_backward.SUM_BLOCK
    yield "sum", triton_backward.sum_kernel, {"WIDTH": plan.width, "ROWS": rows, "BLOCK": block}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, nargs="+", default=[15, 32, 64, 128])
    parser.add_argument("--samples", type=int, nargs="+", default=[2048, 12500])
    parser.add_argument("--activation", nargs="+", default=["tanh"], choices=list(ACTIVATIONS))
    parser.add_argument("--augmentation", nargs="+", default=["skip"], choices=AUGMENTATIONS)
    parser.add_argument("--dtype", nargs="+", default=["float32"], choices=["float32", "float64"])
    parser.add_argument("--precision", nargs="+", default=["ieee"])
    parser.add_argument("--capability", type=int, default=90, choices=list(MACHINES))
    parser.add_argument("--variant", default="shipped", choices=gpu_variants.VARIANTS)
    parser.add_argument("--recompute", action="store_true")
    parser.add_argument("--all", action="store_true")
    given = parser.parse_args()
    gpu_variants.use(given.variant)
    if given.all:
        given.activation, given.augmentation = list(ACTIVATIONS), list(AUGMENTATIONS)
    print("dtype   precision augmentation activation width tile warps kernel    "
          "registers stack shared loop")  # fmt: skip
    done: set[object] = set()
    for dtype, precision, augmentation, activation, width, samples in itertools.product(
        given.dtype, given.precision, given.augmentation, given.activation, given.width,
        given.samples,
    ):  # fmt: skip
        itemsize = getattr(torch, dtype).itemsize
        machine = MACHINES[given.capability]
        if width > machine.widest(itemsize):
            continue  # batched matrix products there
        plan = tiling(Shape(samples, width, 100, 1, itemsize), machine)
        case = (dtype, precision, augmentation, activation, plan.width, plan.tile)
        if case in done:
            continue
        done.add(case)
        codes = {"AUGMENTATION": augmentation, "ACTIVATION": activation, "PRECISION": precision}
        codes |= {"TILE": plan.tile, "WIDTH": plan.width}
        for name, kernel, constants in kernels(plan, codes, given.recompute):
            launch = replace(plan, warps=4, stages=3) if name == "sum" else plan
            registers, stack, shared, loop = assembler(
                compiled(kernel, dtype.replace("float", "fp"), constants, launch, given.capability)
            )
            print(f"{dtype:7} {precision:9} {augmentation:12} {activation:10} {plan.width:5} "
                  f"{plan.tile:4} {launch.warps:5} {name:9} {registers:9} {stack:5} {shared:6} "
                  f"{loop:4}", flush=True)  # fmt: skip
            if name != "sum" and shared > SHARED[plan.width] * itemsize:
                raise SystemExit(f"{name}: more shared memory than tiling.SHARED says")


if __name__ == "__main__":
    main()
