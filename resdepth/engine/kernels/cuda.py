"""The GPU engine: one launch through all layers and one back, whatever the depth.

A step is three Triton launches (`triton_forward`, `triton_backward` and its fixed-order sum) and
some 25 torch operations on the weights and on (R, N, outputs), whatever L is.

The forward pass keeps one number a sample, unit and layer: 1.6 GB written and read at N = 12,500,
d = 15, L = 2,000 where h and sigma' would be 3.2 GB (`tiling` has all bytes). The backward pass of
`skip` recovers h by subtraction, which repeats the rounding of the forward sum once more: at
L = 10,000, d = 15, tanh, float32, the gradient is 3.4e-6 off float64's (norm of the difference over
the norm), and 3.2e-6 where h itself is kept. Hidden states kept at every 16th or 256th layer bound
what subtraction loses where h grows.

Networks wider than the fused kernels hold take batched matrix products, layer by layer: there the
launches do grow with L.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

import torch
from torch import Tensor

from resdepth.arrays import Blocks, Hidden, Prediction, Targets
from resdepth.engine.contract import Engine, Evaluation, Request, evaluate_prediction
from resdepth.engine.kernels.eager import EagerEngine
from resdepth.engine.kernels.tiling import Machine, Shape, Tiling, tiling
from resdepth.engine.network import Network

try:
    from triton import __version__ as _version
    from triton import runtime

    from resdepth.engine.kernels import triton_backward, triton_forward
except ImportError as error:  # no Triton for this platform
    _MISSING: str | None = str(error)
else:
    _MISSING = None

PRECISIONS = ("ieee", "tf32", "tf32x3")
"""Products of float32 matrices: exact, rounded to 10 bits, or as three of the latter (22 bits)."""


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


class _Batch:
    """One network on one batch, as the kernels read it: padded matrices and contiguous rows."""

    def __init__(self, network: Network, h0: Hidden, machine: Machine, precision: str) -> None:
        blocks = network.blocks
        self.replicas = blocks.shape[:-3]
        self.depth, self.samples, self.d = network.depth, h0.shape[-2], network.width
        self.h0 = h0.contiguous()
        self.h0_stride = self.samples * self.d if h0.dim() > 2 and h0.shape[0] > 1 else 0
        count = self.replicas.numel()
        shape = Shape(self.samples, self.d, self.depth, count, blocks.element_size())
        self.plan: Tiling = tiling(shape, machine)
        self.matrices = _padded(network, count, self.plan.width)
        # A number in memory: Triton would round a float argument to float32.
        self.delta = torch.full((1,), network.delta, dtype=blocks.dtype, device=blocks.device)
        self.last = blocks.new_empty(count, self.samples, self.d)
        self.codes = {
            "AUGMENTATION": network.augmentation,
            "ACTIVATION": network.activation,
            "PRECISION": precision if blocks.dtype == torch.float32 else "ieee",
            "TILE": self.plan.tile,
            "WIDTH": self.plan.width,
            "num_warps": self.plan.warps,
            "num_stages": self.plan.stages,
            "enable_fp_fusion": True,
        }

    def buffer(self, *shape: int) -> Tensor:
        """Uninitialised memory of the network's dtype, on its device."""
        return self.last.new_empty(shape)

    def hidden(self) -> Hidden:
        """h_L with the replica axis that the network has."""
        return self.last.view(*self.replicas, self.samples, self.d)


def _padded(network: Network, replicas: int, width: int) -> Tensor:
    """The layers' matrices, (R, L, width, width), zero outside the network's own width."""
    blocks = network.blocks.reshape(replicas, network.depth, network.width, network.width)
    if network.width == width and network.augmentation != "inc_skip":
        return blocks.contiguous()
    matrices = blocks.new_zeros(replicas, network.depth, width, width)
    inner = matrices[..., : network.width, : network.width]
    inner.copy_(blocks)
    if network.augmentation == "inc_skip":
        inner[:, 1:].sub_(blocks[:, :-1])
    return matrices


def _anchor(network: Network) -> int:
    """Layers between two hidden states that are kept beside the layers' own values.

    `skip` walks h back by subtraction. |h| grows by delta a layer at most where sigma is bounded;
    elsewhere it may grow by a factor a layer, and the error with it.
    """
    if network.augmentation != "skip":
        return network.depth
    return 256 if network.activation in ("tanh", "sigmoid") else 16


class CudaEngine:
    """Fused kernels up to the machine's widest, batched matrix products beyond.

    `launches` counts the Triton launches so far.
    """

    name = "cuda"

    def __init__(self, machine: Machine, precision: str = "ieee") -> None:
        self.machine = machine
        self.precision = precision
        self.launches = 0
        self._wide = EagerEngine()

    def _is_wide(self, network: Network) -> bool:
        return network.width > self.machine.widest(network.blocks.element_size())

    def predict(self, network: Network, h0: Hidden) -> Prediction:
        """h_L U_out^T, (*replicas, samples, outputs)."""
        with _matmul_precision(self.precision):
            if self._is_wide(network):
                return self._wide.predict(network, h0)
            batch = _Batch(network, h0, self.machine, self.precision)
            self._forward(batch, None, None, batch.depth)
            return batch.hidden() @ network.readout.mT

    def evaluate(self, network: Network, h0: Hidden, targets: Targets) -> Evaluation:
        """Loss, Omega, counts and prediction, without a gradient."""
        return evaluate_prediction(network, self.predict(network, h0), targets)

    def loss_and_gradient(self, network: Network, h0: Hidden, targets: Targets) -> Evaluation:
        """The same with the gradient of the mean loss."""
        with _matmul_precision(self.precision):
            if self._is_wide(network):
                return self._wide.loss_and_gradient(network, h0, targets)
            return self._fused(network, h0, targets)

    def _fused(self, network: Network, h0: Hidden, targets: Targets) -> Evaluation:
        batch = _Batch(network, h0, self.machine, self.precision)
        plan, count = batch.plan, batch.replicas.numel()
        rows = (count, plan.tiles * plan.tile, plan.width)
        segment = plan.segment if plan.recompute else _anchor(network)
        starts = batch.buffer(-(-network.depth // segment) + 1, *rows)
        kept = None if plan.recompute else batch.buffer(network.depth, *rows)
        self._forward(batch, kept, starts, segment)
        prediction = batch.hidden() @ network.readout.mT
        of_samples = network.loss.gradient_of_samples(prediction, targets)
        adjoint = (of_samples / batch.samples) @ network.readout
        gradient = self._backward(batch, adjoint, kept, starts, segment).view_as(network.blocks)
        if network.augmentation == "inc_skip":
            # A_k enters B_k with + and B_{k+1} with -.
            gradient[..., :-1, :, :].sub_(gradient[..., 1:, :, :].clone())
        return evaluate_prediction(network, prediction, targets, of_samples, gradient)

    def _forward(
        self, batch: _Batch, kept: Tensor | None, starts: Tensor | None, segment: int
    ) -> None:
        nothing = batch.last
        with _on(batch.last.device):
            triton_forward.forward_kernel[batch.plan.tiles, batch.replicas.numel()](
                batch.h0,
                batch.h0_stride,
                batch.matrices,
                batch.delta,
                nothing if kept is None else kept,
                nothing if starts is None else starts,
                0 if starts is None else starts.stride(0),
                batch.last,
                batch.samples,
                batch.d,
                batch.depth,
                segment,
                KEEP_STARTS=starts is not None,
                KEEP_LAYERS=kept is not None,
                **batch.codes,
            )
        self.launches += 1

    def _backward(
        self, batch: _Batch, adjoint: Hidden, kept: Tensor | None, starts: Tensor, segment: int
    ) -> Blocks:
        plan, count, depth = batch.plan, batch.replicas.numel(), batch.depth
        parts = batch.buffer(count, plan.parts, depth, plan.width, plan.width)
        recompute = kept is None
        if kept is None:
            kept = batch.buffer(segment, count, plan.parts * plan.tile, plan.width)
        gradient = batch.buffer(count, depth, batch.d, batch.d)
        entries = depth * plan.width**2
        with _on(batch.last.device):
            triton_backward.backward_kernel[plan.parts, count](
                adjoint.contiguous(),
                batch.matrices,
                batch.delta,
                kept,
                kept.stride(0),
                starts,
                starts.stride(0),
                parts,
                batch.samples,
                batch.d,
                depth,
                segment,
                plan.tiles,
                RECOMPUTE=recompute,
                **batch.codes,
            )
            triton_backward.sum_kernel[-(-entries // triton_backward.SUM_BLOCK), count](
                parts,
                gradient,
                plan.parts,
                batch.d,
                entries,
                WIDTH=plan.width,
                ROWS=triton_backward.SUM_ROWS,
                BLOCK=triton_backward.SUM_BLOCK,
                num_warps=4,
                enable_fp_fusion=True,
            )
        self.launches += 2
        return gradient


def unavailable(request: Request) -> str | None:
    """What is missing: a recent Triton, its launcher, a device of capability 8.0, the precision."""
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
    """Why Triton cannot launch kernels here: it builds its launcher in C when first asked."""
    try:
        runtime.driver.active.get_current_device()
    except Exception as error:  # whatever compilers, linkers and drivers come up with
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        return f"needs a C compiler and Python's headers, for Triton's launcher ({problem[:200]})"
    return None


def machine_of(device: torch.device) -> Machine:
    """What the tiling needs to know of a CUDA device."""
    properties = torch.cuda.get_device_properties(device)
    return Machine(
        processors=properties.multi_processor_count,
        memory=properties.total_memory,
        shared=properties.shared_memory_per_block_optin,
    )


def create(request: Request) -> Engine:
    """The engine, sized to the request's device."""
    return CudaEngine(machine_of(request.device), request.precision)
