"""Second derivatives of every engine against autograd in float64, and against each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from resdepth.engine.autograd import ReferenceEngine
from resdepth.engine.contract import Batch, Curvature, Request
from resdepth.engine.kernels import cpu, registry
from resdepth.engine.kernels.eager import EagerEngine
from resdepth.engine.loss import PowerLoss
from resdepth.engine.network import Network
from resdepth.errors import Usage
from resdepth.mathematics.activation import ACTIVATIONS
from tests.support.messages import refused
from tests.support.networks import AUGMENTATIONS, LOSSES, batch, network

ORACLE = ReferenceEngine()
TOLERANCE = 1e-12
MATRICES = pytest.mark.parametrize("gauss_newton", [False, True], ids=["hessian", "gauss-newton"])
EVERY_ENGINE = pytest.mark.parametrize("name", ["eager", "cpu"])


def engine(name: str, threads: int = 1) -> Curvature:
    if name == "eager":
        return EagerEngine()
    if cpu._missing is not None:
        pytest.skip("the kernels are not compiled")
    return cpu.CpuEngine(threads)


def directions(net: Network, count: int = 3, seed: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(count, *net.blocks.shape, generator=generator, dtype=torch.float64)
    return drawn.to(net.blocks.dtype)


def off(found: Tensor, wanted: Tensor) -> float:
    """Norm of the difference against the norm of what is wanted."""
    assert found.shape == wanted.shape
    return float((found.double() - wanted).norm() / wanted.norm().clamp(min=1e-300))


@MATRICES
@EVERY_ENGINE
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_every_network(
    augmentation: str, activation: str, loss: str, name: str, gauss_newton: bool
) -> None:
    net = network(augmentation=augmentation, activation=activation, loss=loss)
    h0, targets = batch(net)
    along = directions(net)
    found = engine(name).hvp(Batch(net, h0, targets), along, gauss_newton)
    assert off(found, ORACLE.hvp(Batch(net, h0, targets), along, gauss_newton)) <= TOLERANCE
    traces = engine(name).block_traces(Batch(net, h0, targets), gauss_newton)
    assert traces.dtype == torch.float64
    assert off(traces, ORACLE.block_traces(Batch(net, h0, targets), gauss_newton)) <= TOLERANCE


@MATRICES
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_dense_blocks(augmentation: str, activation: str, loss: str, gauss_newton: bool) -> None:
    net = network(depth=4, augmentation=augmentation, activation=activation, loss=loss)
    found = EagerEngine().block_hessians(Batch(net, *batch(net)), gauss_newton)
    wanted = ORACLE.block_hessians(Batch(net, *batch(net)), gauss_newton)
    pairs = list(zip(found, wanted, strict=True))
    assert len(pairs) == net.depth
    together = [torch.stack(blocks) for blocks in zip(*pairs, strict=True)]
    assert off(*together) <= TOLERANCE


@MATRICES
@EVERY_ENGINE
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
@pytest.mark.parametrize("sizes", [{"depth": 1}, {"width": 1}, {"depth": 1, "width": 1}], ids=str)
@pytest.mark.parametrize("samples", [1, 35])
def test_sizes(
    augmentation: str, sizes: dict[str, int], samples: int, name: str, gauss_newton: bool
) -> None:
    net = network(augmentation=augmentation, activation="gelu", **sizes)
    h0, targets = batch(net, samples)
    along = directions(net, 1)
    found = engine(name).hvp(Batch(net, h0, targets), along, gauss_newton)
    assert off(found, ORACLE.hvp(Batch(net, h0, targets), along, gauss_newton)) <= TOLERANCE
    traces = engine(name).block_traces(Batch(net, h0, targets), gauss_newton)
    assert off(traces, ORACLE.block_traces(Batch(net, h0, targets), gauss_newton)) <= TOLERANCE


@MATRICES
@EVERY_ENGINE
@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
def test_an_exact_prediction(power: float, name: str, gauss_newton: bool) -> None:
    # The Hessian of the loss is then 0, or 1 for p = 2, and the gradient vanishes.
    net = replace(network(loss="power-2"), loss=PowerLoss(power))
    h0, _ = batch(net)
    computing = engine(name)
    along = directions(net, 2)
    predicted = (cpu.CpuEngine(1) if name == "cpu" else EagerEngine()).predict(net, h0).squeeze(-1)
    found = computing.hvp(Batch(net, h0, predicted), along, gauss_newton)
    if power != 2.0:
        assert float(found.norm()) == 0.0
    else:
        wanted = ORACLE.hvp(Batch(net, h0, predicted), along, gauss_newton=True)
        assert off(found, wanted) <= TOLERANCE


@EVERY_ENGINE
def test_the_hessian_is_infinite_where_the_loss_bends_so(name: str) -> None:
    net = network(loss="power-1.5")
    h0, _ = batch(net)
    computing = engine(name)
    predicted = (cpu.CpuEngine(1) if name == "cpu" else EagerEngine()).predict(net, h0).squeeze(-1)
    assert not computing.hvp(Batch(net, h0, predicted), directions(net)).isfinite().all()


@MATRICES
@EVERY_ENGINE
def test_the_matrix_is_symmetric(name: str, gauss_newton: bool) -> None:
    net = network(depth=12, width=7, augmentation="inc_skip")
    along = directions(net, 4)
    products = engine(name).hvp(Batch(net, *batch(net, 50)), along, gauss_newton)
    gram = along.flatten(1) @ products.flatten(1).T
    assert off(gram, gram.T.contiguous()) <= TOLERANCE


@EVERY_ENGINE
def test_gauss_newton_is_positive(name: str) -> None:
    net = network(depth=9, width=5)
    along = directions(net, 5)
    products = engine(name).hvp(Batch(net, *batch(net, 20)), along, gauss_newton=True)
    assert (along * products).flatten(1).sum(-1).min() > 0.0


@EVERY_ENGINE
def test_directions_that_do_not_fit_are_refused(name: str) -> None:
    net = network()
    h0, targets = batch(net)
    with pytest.raises(ValueError, match=r"directions: must be \(R, 5, 3, 3\)"):
        engine(name).hvp(Batch(net, h0, targets), directions(net)[:, :-1])
    several = network(replicas=2)
    with pytest.raises(ValueError, match="one network"):
        engine(name).hvp(Batch(several, h0, targets), directions(net))
    with pytest.raises(ValueError, match="one network"):
        engine(name).block_traces(Batch(several, h0, targets))


def request(device: str = "cpu") -> Request:
    return Request(torch.device(device), torch.float64, 1)


def test_auto_takes_the_fastest_that_has_second_derivatives() -> None:
    chosen = "cpu" if cpu._missing is None else "eager"
    assert registry.choose("auto", request(), curvature=True).name == chosen
    assert registry.choose("auto", request("cuda"), curvature=True).name == "eager"
    assert registry.choose("reference", request(), curvature=True).name == "reference"


def test_an_engine_without_second_derivatives_says_so() -> None:
    with refused(Usage, match="has no second derivatives"):
        registry.choose("cuda", request("cuda"), curvature=True)


def deep(
    samples: int, depth: int, width: int, augmentation: str, dtype: torch.dtype = torch.float64
) -> tuple[Network, Tensor, Tensor]:
    net = network(depth=depth, width=width, augmentation=augmentation, dtype=dtype)
    return net, *batch(net, samples)


@MATRICES
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
@pytest.mark.parametrize("sizes", [(700, 40, 15), (300, 3, 33)], ids=str)
def test_tiles_and_partitions_add_up(
    sizes: tuple[int, int, int], augmentation: str, gauss_newton: bool
) -> None:
    # Several tiles a partition, the last one ragged; h taken from memory and recovered.
    problem = deep(*sizes, augmentation)
    along = directions(problem[0], 2)
    found = engine("cpu", 2).hvp(Batch(*problem), along, gauss_newton)
    assert off(found, EagerEngine().hvp(Batch(*problem), along, gauss_newton)) <= TOLERANCE
    traces = engine("cpu", 2).block_traces(Batch(*problem), gauss_newton)
    assert off(traces, EagerEngine().block_traces(Batch(*problem), gauss_newton)) <= TOLERANCE


@pytest.mark.parametrize(
    "augmentation",
    ["skip", *(pytest.param(a, marks=pytest.mark.long) for a in AUGMENTATIONS if a != "skip")],
)
def test_layers_computed_twice(augmentation: str) -> None:
    # Deep enough that a thread does not keep all layers of a tile.
    problem = deep(128, 3_500, 20, augmentation)
    along = directions(problem[0], 2)
    found = engine("cpu").hvp(Batch(*problem), along)
    assert off(found, EagerEngine().hvp(Batch(*problem), along)) <= 1e-11


@MATRICES
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_traces_of_segments(augmentation: str, activation: str, gauss_newton: bool) -> None:
    net, h0, targets = deep(11, 530, 7, augmentation)
    net = replace(net, activation=activation)
    found = engine("cpu").block_traces(Batch(net, h0, targets), gauss_newton)
    assert off(found, EagerEngine().block_traces(Batch(net, h0, targets), gauss_newton)) <= 1e-11


@MATRICES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_a_product_has_its_bits_in_any_company(
    augmentation: str, dtype: torch.dtype, gauss_newton: bool
) -> None:
    problem = deep(150, 30, 7, augmentation, dtype)
    along = directions(problem[0], 19)
    together = engine("cpu").hvp(Batch(*problem), along, gauss_newton)
    for i in (0, 10, 18):
        alone = engine("cpu").hvp(Batch(*problem), along[i : i + 1], gauss_newton)
        assert torch.equal(together[i], alone[0])


@MATRICES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_bits_do_not_depend_on_threads(
    augmentation: str, dtype: torch.dtype, gauss_newton: bool
) -> None:
    problem = deep(300, 70, 6, augmentation, dtype)
    along = directions(problem[0], 3)
    one, three = engine("cpu", 1), engine("cpu", 3)
    assert torch.equal(
        one.hvp(Batch(*problem), along, gauss_newton),
        three.hvp(Batch(*problem), along, gauss_newton),
    )
    assert torch.equal(
        one.block_traces(Batch(*problem), gauss_newton),
        three.block_traces(Batch(*problem), gauss_newton),
    )


def fresh(
    augmentation: str, activation: str, depth: int, loss: str
) -> tuple[Network, Tensor, Tensor]:
    """Weights as training starts from them, in float32."""
    net = network(
        depth=depth,
        width=15,
        augmentation=augmentation,
        activation=activation,
        loss=loss,
        dtype=torch.float32,
    )
    net = replace(net, alpha=0.75, readout=net.readout / net.readout.abs().max() / 15.0**0.5)
    scale = 15.0**-2 * depth ** -(1.0 - net.alpha + 1.0)
    size = float(net.blocks.abs().max())
    return net.with_blocks(net.blocks * scale / size), *batch(net, 80)


@MATRICES
@EVERY_ENGINE
@pytest.mark.parametrize(
    ("loss", "depth"), [("cross-entropy", 16), ("cross-entropy", 300), ("power-2", 16)]
)
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "relu"])
@pytest.mark.parametrize("augmentation", ["skip", "linear_skip", "inc_skip"])
def test_float32_on_fresh_weights(
    augmentation: str, activation: str, depth: int, loss: str, name: str, gauss_newton: bool
) -> None:
    net, h0, targets = fresh(augmentation, activation, depth, loss)
    along = directions(net, 2)
    double = net.to("cpu", torch.float64)
    wide = targets if targets.dtype == torch.int64 else targets.double()
    found = engine(name).hvp(Batch(net, h0, targets), along, gauss_newton)
    wanted = EagerEngine().hvp(Batch(double, h0.double(), wide), along.double(), gauss_newton)
    # Differences of neighbouring layers cancel, and plain sums over many layers drift.
    harder = depth > 16 and (augmentation == "inc_skip" or name == "eager")
    assert off(found, wanted) <= (5e-6 if harder else 1e-6)


@pytest.mark.parametrize("isa", ["avx512", "avx2", "neon", "portable"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_every_instruction_set(augmentation: str, activation: str, isa: str) -> None:
    computing = cpu.CpuEngine(1) if cpu._missing is None else pytest.skip("not compiled")
    try:
        computing._kernels = cpu._kernels.Engine(1, isa)
    except ValueError:
        pytest.skip(f"this machine has no {isa}")
    net = network(depth=20, width=9, augmentation=augmentation, activation=activation)
    h0, targets = batch(net, 45)
    along = directions(net, 2)
    wanted = EagerEngine().hvp(Batch(net, h0, targets), along)
    # Torch 2.6 computes elu as exp - 1, whose rounding errors a plain network multiplies.
    allowed = 4 * TOLERANCE if activation == "elu" else TOLERANCE
    assert off(computing.hvp(Batch(net, h0, targets), along), wanted) <= allowed
    traces = EagerEngine().block_traces(Batch(net, h0, targets))
    assert off(computing.block_traces(Batch(net, h0, targets)), traces) <= TOLERANCE
