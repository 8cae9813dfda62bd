"""The GPU engine: one launch through all layers and one back, whatever the depth.

A step is three Triton launches (`triton_forward`, `triton_backward` and its fixed-order sum) and
about 25 torch operations on the weights and on (R, N, outputs), for every L. Networks wider than
the fused kernels use batched matrix products, layer by layer.

The forward pass keeps one number per sample, unit and layer (`tiling` lists all bytes). The
backward pass of `skip` recovers h by subtraction, which repeats the rounding of the forward sum: at
L = 10,000, d = 15, tanh, float32, the relative error of the gradient is 3.4e-6, and 3.2e-6 if h is
kept. Hidden states kept at every 16th or 256th layer bound this error if h grows.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from resdepth.arrays import Blocks, Hidden, Prediction
from resdepth.engine.contract import Batch, Engine, Evaluation, Request
from resdepth.engine.kernels.eager import EagerEngine
from resdepth.engine.kernels.tiling import Machine, Shape, tiling
from resdepth.engine.network import Network, increments, of_increments

try:
    from triton import __version__ as _version
    from triton import runtime

    from resdepth.engine.kernels import triton_backward, triton_forward
except ImportError as error:  # no Triton for this platform
    _MISSING: str | None = str(error)
else:
    _MISSING = None

PRECISIONS = ("ieee", "tf32")
"""Products of float32 matrices: exact, or of factors rounded to 10 bits."""
OLDEST = (3, 5)
"""The Triton of torch 2.9, the first that multiplies matrices in float64."""


@contextmanager
def _matmul_precision(precision: str) -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def _on(device: torch.device) -> AbstractContextManager[object]:
    # Triton launches on the current device; tensors of the interpreter have none to make current.
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


class _Launch:
    """One network on one batch, as the kernels read it: padded matrices and contiguous rows."""

    def __init__(self, network: Network, h0: Hidden, machine: Machine, precision: str) -> None:
        blocks = network.blocks
        self.replicas = blocks.shape[:-3]
        self.depth, self.samples, self.d = network.depth, h0.shape[-2], network.width
        self.h0 = h0.contiguous()
        self.h0_stride = self.samples * self.d if h0.dim() > 2 and h0.shape[0] > 1 else 0
        count = self.replicas.numel()
        shape = Shape(self.samples, self.d, self.depth, count, blocks.element_size())
        self.plan = tiling(shape, machine)
        width, rest = self.plan.width, self.plan.width - self.d
        matrices = increments(network)
        # Zero outside the network's own width.
        padded = functional.pad(matrices, (0, rest, 0, rest)) if rest else matrices
        self.matrices = padded.reshape(count, self.depth, width, width).contiguous()
        # A number in memory: Triton would round a float argument to float32.
        self.delta = torch.full((1,), network.delta, dtype=blocks.dtype, device=blocks.device)
        self.last = blocks.new_empty(count, self.samples, self.d)
        self.codes = {
            "AUGMENTATION": network.augmentation,
            "ACTIVATION": network.activation,
            "PRECISION": precision if blocks.dtype == torch.float32 else "ieee",
            "TILE": self.plan.tile,
            "WIDTH": width,
            "num_warps": self.plan.warps,
            "num_stages": self.plan.stages,
            "enable_fp_fusion": True,
        }

    def buffer(self, *shape: int) -> Tensor:
        """Uninitialised memory of the network's dtype, on its device."""
        return self.last.new_empty(shape)


def _anchor(network: Network) -> int:
    """Distance in layers of the hidden states that are kept in addition to the layers' values.

    `skip` recovers h by subtraction. |h| grows by at most delta per layer if sigma is bounded;
    otherwise it may grow by a factor per layer, and the error with it.
    """
    if network.augmentation != "skip":
        return network.depth
    return 256 if network.activation in ("tanh", "sigmoid") else 16


class CudaEngine(Engine):
    """Fused kernels, or batched matrix products if too wide; `launches` counts Triton's so far."""

    name = "cuda"

    def __init__(self, machine: Machine, precision: str = "ieee") -> None:
        self.machine, self.precision, self.launches = machine, precision, 0
        self._wide = EagerEngine()

    def _is_wide(self, network: Network) -> bool:
        return network.width > self.machine.widest(network.blocks.element_size())

    def predict(self, network: Network, h0: Hidden) -> Prediction:
        with _matmul_precision(self.precision):
            if self._is_wide(network):
                return self._wide.predict(network, h0)
            launch = _Launch(network, h0, self.machine, self.precision)
            return self._forward(launch, None, None, launch.depth) @ network.readout.mT

    def loss_and_gradient(self, batch: Batch) -> Evaluation:
        network = batch.network
        with _matmul_precision(self.precision):
            if self._is_wide(network):
                return self._wide.loss_and_gradient(batch)
            launch = _Launch(network, batch.h0, self.machine, self.precision)
            plan = launch.plan
            rows = (launch.replicas.numel(), plan.tiles * plan.tile, plan.width)
            segment = plan.segment if plan.recompute else _anchor(network)
            starts = launch.buffer(-(-network.depth // segment) + 1, *rows)
            kept = None if plan.recompute else launch.buffer(network.depth, *rows)
            prediction = self._forward(launch, kept, starts, segment) @ network.readout.mT
            of_samples = batch.gradient_of_samples(prediction)
            gradient = self._backward(launch, batch.adjoint(of_samples), kept, starts, segment)
            gradient = of_increments(network, gradient.view_as(network.blocks))
            return Evaluation(*batch.summary(prediction, of_samples), gradient)

    def _forward(
        self, launch: _Launch, kept: Tensor | None, starts: Tensor | None, segment: int
    ) -> Hidden:
        """h_L with the replica axis that the network has."""
        last = launch.last
        with _on(launch.last.device):
            triton_forward.forward_kernel[launch.plan.tiles, launch.replicas.numel()](
                launch.h0, launch.h0_stride, launch.matrices, launch.delta,
                last if kept is None else kept, last if starts is None else starts,
                0 if starts is None else starts.stride(0), last, launch.samples, launch.d,
                launch.depth, segment,
                KEEP_STARTS=starts is not None, KEEP_LAYERS=kept is not None, **launch.codes,
            )  # fmt: skip
        self.launches += 1
        return last.view(*launch.replicas, launch.samples, launch.d)

    def _backward(
        self, launch: _Launch, adjoint: Hidden, kept: Tensor | None, starts: Tensor, segment: int
    ) -> Blocks:
        plan, count, depth = launch.plan, launch.replicas.numel(), launch.depth
        parts = launch.buffer(count, plan.parts, depth, plan.width, plan.width)
        recompute = kept is None
        if kept is None:
            kept = launch.buffer(segment, count, plan.parts * plan.tile, plan.width)
        gradient = launch.buffer(count, depth, launch.d, launch.d)
        entries = depth * plan.width**2
        with _on(launch.last.device):
            triton_backward.backward_kernel[plan.parts, count](
                adjoint.contiguous(), launch.matrices, launch.delta, kept, kept.stride(0),
                starts, starts.stride(0), parts, launch.samples, launch.d, depth, segment,
                plan.tiles, RECOMPUTE=recompute, **launch.codes,
            )  # fmt: skip
            triton_backward.sum_kernel[-(-entries // triton_backward.SUM_BLOCK), count](
                parts, gradient, plan.parts, launch.d, entries, WIDTH=plan.width,
                ROWS=triton_backward.SUM_ROWS, BLOCK=triton_backward.SUM_BLOCK,
                num_warps=4, enable_fp_fusion=True,
            )  # fmt: skip
        self.launches += 2
        return gradient


def unavailable(request: Request) -> str | None:
    """Why this engine cannot run: Triton, its launcher, the device or the precision."""
    if _MISSING is not None:
        return f"needs Triton, which cannot be imported here ({_MISSING})"
    if request.precision not in PRECISIONS:
        return f"knows the precisions {', '.join(PRECISIONS)}, not {request.precision}"
    if torch.version.hip is not None:
        return "is written for NVIDIA devices, this torch is built for AMD's"
    if not torch.cuda.is_available():
        return "there is no CUDA device"
    major, minor = torch.cuda.get_device_capability(request.device)
    if major < 8:
        return f"needs compute capability 8.0, {request.device} has {major}.{minor}"
    return too_old() or _no_launcher()


def too_old() -> str | None:
    """Why this release of Triton cannot run the kernels."""
    if tuple(int(part) for part in _version.split(".")[:2]) < OLDEST:
        return f"needs Triton {'.'.join(map(str, OLDEST))} (torch 2.9) or later, not {_version}"
    return None


@cache
def _no_launcher() -> str | None:
    """Why Triton cannot launch kernels here: it compiles its launcher from C at the first use."""
    try:
        runtime.driver.active.get_current_device()
    except Exception as error:  # compilers, linkers and drivers raise anything
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        return f"needs a C compiler and Python's headers, for Triton's launcher ({problem[:200]})"
    return None


def create(request: Request) -> Engine:
    """The engine, sized to the request's device."""
    return CudaEngine(machine_of(request.device), request.precision)


def machine_of(device: torch.device) -> Machine:
    """What the tiling needs to know of a CUDA device."""
    found = torch.cuda.get_device_properties(device)
    shared = found.shared_memory_per_block_optin
    return Machine(found.multi_processor_count, found.total_memory, shared)
