"""The compiled kernels against the oracle, over every option and awkward sizes."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from resdepth.engine.autograd import ReferenceEngine
from resdepth.engine.contract import Batch, Evaluation, Request
from resdepth.engine.kernels import cpu, registry
from resdepth.engine.loss import CrossEntropy, Loss, PowerLoss
from resdepth.engine.network import Network
from resdepth.errors import Usage
from tests.support.messages import refused
from tests.support.products import products

kernels = pytest.importorskip("resdepth._kernels", reason="the kernels are not compiled")

ACTIVATIONS = ("tanh", "elu", "relu", "gelu", "sigmoid")
AUGMENTATIONS = ("skip", "none", "linear_skip", "inc_skip")
LOSSES: dict[str, Loss] = {
    "classes": CrossEntropy(),
    "power 2": PowerLoss(2.0),
    "power 1.5": PowerLoss(1.5),
    "power 1": PowerLoss(1.0),
}
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5}


def problem(
    samples: int,
    width: int,
    depth: int,
    outputs: int = 5,
    *,
    replicas: int | None = None,
    own: bool = False,
    activation: str = "tanh",
    augmentation: str = "skip",
    loss: Loss | None = None,
    dtype: torch.dtype = torch.float64,
) -> tuple[Network, Tensor, Tensor]:
    """A random network, h_0 and targets; `own` gives each replica its own of everything."""
    loss = loss or CrossEntropy()
    outputs = outputs if isinstance(loss, CrossEntropy) else 1
    generator = torch.Generator().manual_seed(samples + 1000 * width + depth)
    axis = () if replicas is None else (replicas,)
    shared = axis if own else ()

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    targets = (
        torch.randint(0, outputs, (*shared, samples), generator=generator)
        if isinstance(loss, CrossEntropy)
        else normal(*shared, samples)
    )
    network = Network(
        # Of the size at which neither states nor gradients explode or die out.
        blocks=normal(*axis, depth, width, width) / (width * depth) ** 0.5
        if augmentation != "none"
        else normal(*axis, depth, width, width) / width**0.5,
        readin=normal(width, 2),
        readout=normal(*shared, outputs, width) / width**0.5,
        alpha=0.5,
        activation=activation,
        augmentation=augmentation,
        loss=loss,
    )
    return network, normal(*shared, samples, width), targets


def oracle(network: Network, h0: Tensor, targets: Tensor) -> Evaluation:
    """The float64 reference, replica by replica."""
    double = network.to("cpu", torch.float64)
    if targets.dtype != torch.int64:
        targets = targets.double()
    return ReferenceEngine().loss_and_gradient(Batch(double, h0.double(), targets))


def relative(found: Tensor, expected: Tensor) -> float:
    """Norm of the difference against the norm of what is expected."""
    return float((found.double() - expected).norm() / expected.norm().clamp(min=1e-300))


def check(found: Evaluation, expected: Evaluation, tolerance: float) -> None:
    """Every field agrees."""
    for field in ("loss", "omega", "gradient"):
        one, other = getattr(found, field), getattr(expected, field)
        assert one.shape == other.shape, field
        assert relative(one, other) <= tolerance, f"{field}: {relative(one, other):.2e}"
    assert (found.counts is None) == (expected.counts is None)
    if expected.counts is not None:
        assert torch.equal(found.counts, expected.counts)


@products(augmentation=AUGMENTATIONS, activation=ACTIVATIONS, loss=LOSSES, dtype=TOLERANCE)
def test_every_option(augmentation: str, activation: str, loss: str, dtype: torch.dtype) -> None:
    case = problem(
        77,
        15,
        21,
        activation=activation,
        augmentation=augmentation,
        loss=LOSSES[loss],
        dtype=dtype,
    )
    engine = cpu.CpuEngine(2)
    found = engine.loss_and_gradient(Batch(*case))
    assert found.loss.dtype == found.omega.dtype == torch.float64
    assert found.gradient.dtype == dtype
    network, h0, _ = case
    predicted = ReferenceEngine().predict(network.to("cpu", torch.float64), h0.double())
    assert relative(engine.predict(network, h0), predicted) <= TOLERANCE[dtype]
    check(found, oracle(*case), TOLERANCE[dtype])


@products(
    width=[1, 2, 3, 15, 16, 17, 31, 64, 65, 130],
    samples=[1, 33, 150],
    augmentation=AUGMENTATIONS,
    dtype=TOLERANCE,
)
def test_widths_and_ragged_tiles(
    width: int, samples: int, augmentation: str, dtype: torch.dtype
) -> None:
    case = problem(samples, width, 5, activation="gelu", augmentation=augmentation, dtype=dtype)
    check(cpu.CpuEngine(1).loss_and_gradient(Batch(*case)), oracle(*case), TOLERANCE[dtype])


@pytest.mark.parametrize(("samples", "width", "depth"), [(1700, 15, 67), (500, 300, 3)])
@products(augmentation=AUGMENTATIONS, dtype=TOLERANCE)
def test_tiles_and_partitions_add_up(
    samples: int, width: int, depth: int, augmentation: str, dtype: torch.dtype
) -> None:
    # Several tiles a partition: their gradients are added; more layers than one task gathers.
    case = problem(samples, width, depth, augmentation=augmentation, dtype=dtype)
    check(cpu.CpuEngine(2).loss_and_gradient(Batch(*case)), oracle(*case), TOLERANCE[dtype])


@pytest.mark.parametrize("outputs", [2, 16, 17, 1000])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_numbers_of_classes(outputs: int, dtype: torch.dtype) -> None:
    case = problem(40, 15, 3, outputs, dtype=dtype)
    check(cpu.CpuEngine(2).loss_and_gradient(Batch(*case)), oracle(*case), TOLERANCE[dtype])


@products(augmentation=AUGMENTATIONS, loss=["classes", "power 2"], own=[False, True])
def test_replicas(augmentation: str, loss: str, own: bool) -> None:
    case = problem(50, 7, 9, replicas=3, own=own, augmentation=augmentation, loss=LOSSES[loss])
    check(cpu.CpuEngine(2).loss_and_gradient(Batch(*case)), oracle(*case), 1e-12)


@pytest.mark.long
@products(augmentation=AUGMENTATIONS, activation=["tanh", "gelu"])
def test_layers_computed_twice(augmentation: str, activation: str) -> None:
    # Deep enough that a thread does not keep all layers of a tile.
    case = problem(33, 20, 7001, 3, activation=activation, augmentation=augmentation)
    check(cpu.CpuEngine(1).loss_and_gradient(Batch(*case)), oracle(*case), 1e-11)


@products(activation=ACTIVATIONS, weights=["initial", "smooth"], depth=[1_999, 10_000])
def test_float32_gradient_of_deep_networks(activation: str, weights: str, depth: int) -> None:
    width, alpha = 15, 0.75
    network, h0, targets = problem(48, width, depth, 10, activation=activation, dtype=torch.float32)
    scale = depth ** -(1 - alpha)
    if weights == "initial":
        bound = scale / (width**2 * depth)
        blocks = (network.blocks / network.blocks.std() * bound).clamp(-bound, bound)
    else:
        # Four cosines along the depth, entries of size up to L^-beta.
        coefficients = network.blocks[:4] / network.blocks[:4].abs().max()
        frequencies = torch.linspace(0, torch.pi, depth)[:, None] * torch.arange(4)
        blocks = scale * torch.einsum("lf,fij->lij", frequencies.cos() / 4, coefficients)
    single = replace(network, blocks=blocks.contiguous(), alpha=alpha)
    double = single.to("cpu", torch.float64)
    engine = cpu.CpuEngine(2)
    # The float64 kernels stand for the oracle, which they match to 1e-12 above.
    found = engine.loss_and_gradient(Batch(single, h0, targets)).gradient
    expected = engine.loss_and_gradient(Batch(double, h0.double(), targets)).gradient
    assert found is not None
    assert expected is not None
    assert relative(found, expected) <= 1e-5


@products(threads=[2, 3], augmentation=AUGMENTATIONS, dtype=TOLERANCE)
def test_bits_do_not_depend_on_threads(threads: int, augmentation: str, dtype: torch.dtype) -> None:
    case = problem(300, 15, 70, replicas=2, augmentation=augmentation, dtype=dtype)
    one, many = (cpu.CpuEngine(n).loss_and_gradient(Batch(*case)) for n in (1, threads))
    for field in ("loss", "omega", "gradient", "counts"):
        assert torch.equal(getattr(one, field), getattr(many, field)), field


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_replica_has_the_bits_of_its_own_network(dtype: torch.dtype) -> None:
    network, h0, targets = problem(130, 15, 30, replicas=3, dtype=dtype)
    engine = cpu.CpuEngine(2)
    together = engine.loss_and_gradient(Batch(network, h0, targets))
    alone = engine.loss_and_gradient(Batch(network.with_blocks(network.blocks[1]), h0, targets))
    for field in ("loss", "omega", "gradient", "counts"):
        assert torch.equal(getattr(together, field)[1], getattr(alone, field)), field


@pytest.mark.parametrize("loss", ["classes", "power 2"])
def test_evaluate_and_predict_have_the_bits_of_the_step(loss: str) -> None:
    case = problem(200, 15, 40, loss=LOSSES[loss], dtype=torch.float32)
    engine = cpu.CpuEngine(2)
    step, evaluated = engine.loss_and_gradient(Batch(*case)), engine.evaluate(Batch(*case))
    # The base class evaluates what `predict` returns.
    predicted = cpu.EagerEngine.evaluate(engine, Batch(*case))
    assert relative(predicted.loss, step.loss) <= 1e-6
    for field in ("loss", "omega"):
        assert torch.equal(getattr(evaluated, field), getattr(step, field)), field


def test_an_engine_repeats_itself_after_other_sizes() -> None:
    engine = cpu.CpuEngine(2)
    small, large = problem(33, 15, 12), problem(200, 31, 40)
    first = engine.loss_and_gradient(Batch(*small))
    engine.loss_and_gradient(Batch(*large))
    again = engine.loss_and_gradient(Batch(*small))
    assert torch.equal(first.gradient, again.gradient)


@products(activation=ACTIVATIONS, dtype=TOLERANCE, name=["avx2", "portable"])
def test_other_instruction_sets(activation: str, dtype: torch.dtype, name: str) -> None:
    engine = cpu.CpuEngine(2)
    try:
        engine._kernels = kernels.Engine(2, name)
    except ValueError:
        pytest.skip(f"this machine has no {name}")
    case = problem(77, 21, 9, activation=activation, dtype=dtype)
    check(engine.loss_and_gradient(Batch(*case)), oracle(*case), TOLERANCE[dtype])


@pytest.mark.parametrize("name", ["avx512", "avx2", "neon", "portable"])
def test_the_environment_selects_the_instruction_set(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = cpu.CpuEngine(1)
    monkeypatch.setenv(cpu.INSTRUCTION_SET, name)
    try:
        plain._kernels = kernels.Engine(1, name)
    except ValueError:
        with refused(Usage, match=f"{cpu.INSTRUCTION_SET}: .* has no {name}"):
            registry.choose("cpu", request_for())
        return
    chosen, case = registry.choose("cpu", request_for()), problem(77, 21, 9, dtype=torch.float32)
    found, expected = (
        engine.loss_and_gradient(Batch(*case)).gradient for engine in (chosen, plain)
    )
    assert torch.equal(found, expected)


@products(activation=ACTIVATIONS, value=[float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_reported(activation: str, value: float) -> None:
    network, h0, targets = problem(40, 6, 4, activation=activation, augmentation="linear_skip")
    network.blocks[2, 3, 1] = value
    assert not torch.isfinite(cpu.CpuEngine(2).loss_and_gradient(Batch(network, h0, targets)).loss)


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0, 3.0])
def test_an_exact_prediction_has_no_gradient(power: float) -> None:
    network, h0, _ = problem(20, 5, 3, loss=PowerLoss(power))
    targets = cpu.CpuEngine(1).predict(network, h0).squeeze(-1)
    found = cpu.CpuEngine(1).loss_and_gradient(Batch(network, h0, targets))
    assert float(found.loss) == float(found.omega) == float(found.gradient.norm()) == 0.0


def test_a_target_that_is_no_class_is_refused() -> None:
    network, h0, targets = problem(9, 4, 2)
    targets[3] = 5
    with pytest.raises(ValueError, match="class 5 of sample 3"):
        cpu.CpuEngine(1).evaluate(Batch(network, h0, targets))


def request_for(threads: int = 2) -> Request:
    """What a default run asks for."""
    return Request(torch.device("cpu"), torch.float32, threads)


def test_auto_takes_the_kernels() -> None:
    assert registry.choose("auto", request_for()).name == "cpu"


def test_without_the_kernels_auto_takes_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "_missing", "no module named _kernels")
    with pytest.warns(UserWarning, match="leaves out cpu: the compiled kernels are missing"):
        assert registry.choose("auto", request_for()).name == "eager"
    with pytest.raises(Exception, match="compiled kernels are missing"):
        registry.choose("cpu", request_for())


def test_the_module_imports_without_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    monkeypatch.setitem(sys.modules, "resdepth._kernels", None)
    monkeypatch.delattr("resdepth._kernels", raising=False)
    try:
        assert importlib.reload(cpu).unavailable(request_for()) is not None
    finally:
        monkeypatch.undo()
        importlib.reload(cpu)
