"""The GPU kernels against autograd: compiled where there is a CUDA device, else interpreted.

Triton decides between the two when it is imported. Where something has imported it before this
file, without a device, the tests run in a process of their own.
"""

import os
import subprocess
import sys
from pathlib import Path
from types import FrameType, SimpleNamespace

import pytest
import torch

if not torch.cuda.is_available() and "triton" not in sys.modules:
    os.environ.setdefault("TRITON_INTERPRET", "1")

triton = pytest.importorskip("triton")

from triton import language as tl  # noqa: E402

from resdepth.engine.autograd import ReferenceEngine  # noqa: E402
from resdepth.engine.contract import Batch, Engine, Evaluation, Request  # noqa: E402
from resdepth.engine.kernels import cuda, registry, triton_activation  # noqa: E402
from resdepth.engine.kernels.cuda import CudaEngine  # noqa: E402
from resdepth.engine.kernels.graphed import GraphedStep  # noqa: E402
from resdepth.engine.kernels.tiling import Machine  # noqa: E402
from resdepth.engine.network import Network  # noqa: E402
from resdepth.errors import Usage  # noqa: E402
from resdepth.mathematics.activation import ACTIVATIONS  # noqa: E402
from tests.support import fake_cuda  # noqa: E402
from tests.support.messages import refused  # noqa: E402
from tests.support.networks import AUGMENTATIONS, LOSSES, batch, network  # noqa: E402
from tests.support.products import products  # noqa: E402

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
RUNNABLE = DEVICE == "cuda" or type(triton_activation.activate).__name__ == "InterpretedFunction"
OLD = cuda.too_old()
recent = pytest.mark.skipif(OLD is not None, reason=str(OLD))
OTHERWISE = OLD or "Triton was imported before; see test_interpreted"
runs = pytest.mark.skipif(OLD is not None or not RUNNABLE, reason=OTHERWISE)
pytestmark = [
    pytest.mark.filterwarnings("ignore:(overflow|invalid value|divide by zero):RuntimeWarning")
]

SHARED = cuda.machine_of(torch.device("cuda")).shared if DEVICE == "cuda" else 232_448
ROOMY = Machine(processors=132, memory=80 << 30, shared=SHARED)
"""One tile a program, every layer kept."""
CROWDED = Machine(processors=132, memory=110_000, shared=SHARED)
"""Three tiles of 16 rows, d <= 16, L = 5, float64: two programs, the first takes two tiles."""
TIGHT = Machine(processors=1, memory=1, shared=SHARED)
"""One program, layers recomputed in segments."""
MACHINES = {"roomy": ROOMY, "crowded": CROWDED, "tight": TIGHT}

ORACLE = ReferenceEngine()
# Relative to the norm of each quantity; the GPU's exponential is good to 2 ulp in float32.
TOLERANCE = {torch.float64: 1e-12, torch.float32: 3e-6}


def evaluated(engine: Engine, net: Network, h0: torch.Tensor, targets: torch.Tensor) -> Evaluation:
    """`engine` on the device that the kernels run on; the answer as it comes."""
    return engine.loss_and_gradient(
        Batch(net.to(DEVICE, h0.dtype), h0.to(DEVICE), targets.to(DEVICE))
    )


def close(found: torch.Tensor, wanted: torch.Tensor, tolerance: float) -> None:
    found, wanted = found.cpu().double(), wanted.double()
    assert found.shape == wanted.shape
    error = (found - wanted).norm() / wanted.norm().clamp(min=1e-3)
    assert error < tolerance, f"relative error {float(error):.2e}"


def same(found: torch.Tensor, wanted: torch.Tensor) -> None:
    """To the bit; on a device cuBLAS and the compiler may round other shapes another way."""
    if DEVICE == "cuda":
        torch.testing.assert_close(found, wanted, rtol=1e-13, atol=1e-15)
    else:
        assert torch.equal(found, wanted)


def agree(
    net: Network, h0: torch.Tensor, targets: torch.Tensor, machine: Machine = ROOMY
) -> Evaluation:
    """Everything that the engine returns against autograd in float64."""
    tolerance = TOLERANCE[h0.dtype]
    real = targets.double() if targets.is_floating_point() else targets
    wanted = ORACLE.loss_and_gradient(Batch(net.to("cpu", torch.float64), h0.double(), real))
    found = evaluated(CudaEngine(machine), net, h0, targets)
    assert found.gradient.dtype == h0.dtype
    for name in ("loss", "omega", "gradient"):
        close(getattr(found, name), getattr(wanted, name), tolerance)
    if wanted.counts is not None:
        assert found.counts is not None and torch.equal(found.counts.cpu(), wanted.counts)
    return found


@runs
@products(augmentation=AUGMENTATIONS, activation=ACTIVATIONS, machine=MACHINES, dtype=TOLERANCE)
def test_every_network(
    augmentation: str, activation: str, machine: str, dtype: torch.dtype
) -> None:
    net = network(augmentation=augmentation, activation=activation, width=5, dtype=dtype)
    agree(net, *batch(net, 37), MACHINES[machine])


@runs
@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "cross-entropy"])
def test_regression(loss: str) -> None:
    net = network(loss=loss)
    agree(net, *batch(net, 20))


@runs
@products(
    width=[1, 3, 15, 16, 17, 33], machine=["roomy", "tight"], augmentation=["skip", "inc_skip"]
)
def test_padded_widths(width: int, machine: str, augmentation: str) -> None:
    net = network(width=width, augmentation=augmentation, depth=3)
    agree(net, *batch(net, 18), MACHINES[machine])


@runs
@pytest.mark.parametrize(
    ("width", "dtype"),
    [(64, torch.float32), (128, torch.float32), (128, torch.float64), (130, torch.float32)],
    ids=str,
)
def test_widest_and_wider(width: int, dtype: torch.dtype) -> None:
    net = network(width=width, depth=2, dtype=dtype)
    h0, targets = batch(net, 5)
    agree(net, h0, targets)
    engine = CudaEngine(ROOMY)
    evaluated(engine, net, h0, targets)
    fused = width <= ROOMY.widest(dtype.itemsize)
    assert engine.launches == 3 * fused


@runs
@products(samples=[1, 15, 16, 17, 33], machine=["roomy", "tight"])
def test_ragged_tiles(samples: int, machine: str) -> None:
    net = network()
    agree(net, *batch(net, samples), MACHINES[machine])


@runs
@pytest.mark.parametrize(("samples", "width"), [(70, 4), (300, 4), (40, 20), (40, 33)])
def test_larger_tiles(samples: int, width: int) -> None:
    net = network(depth=3, width=width)
    agree(net, *batch(net, samples), Machine(processors=1, memory=80 << 30, shared=SHARED))


@runs
@products(depth=[1, 2, 40], augmentation=AUGMENTATIONS)
def test_depths(depth: int, augmentation: str) -> None:
    net = network(depth=depth, augmentation=augmentation, activation="gelu")
    agree(net, *batch(net, 3))


@runs
@pytest.mark.long
def test_deeper_than_the_longest_segment() -> None:
    net = network(depth=300)
    agree(net, *batch(net, 3))


@runs
@products(
    own_data=[False, True],
    own_readout=[False, True],
    machine=["roomy", "tight"],
    augmentation=["skip", "inc_skip"],
)
def test_replicas(own_data: bool, own_readout: bool, machine: str, augmentation: str) -> None:
    net = network(replicas=3, augmentation=augmentation, own_readout=own_readout)
    agree(net, *batch(net, 20, replicas=3 if own_data else None), MACHINES[machine])


@runs
def test_a_replica_is_the_network_alone() -> None:
    net = network(replicas=3)
    h0, targets = batch(net, 20)
    together = evaluated(CudaEngine(ROOMY), net, h0, targets)
    alone = evaluated(CudaEngine(ROOMY), net.with_blocks(net.blocks[1]), h0, targets)
    same(together.gradient[1], alone.gradient)


@runs
@pytest.mark.parametrize("machine", MACHINES)
def test_same_input_same_bits(machine: str) -> None:
    net = network(dtype=torch.float32)
    h0, targets = batch(net, 37)
    first, second = (evaluated(CudaEngine(MACHINES[machine]), net, h0, targets) for _ in range(2))
    assert torch.equal(first.gradient, second.gradient)


@runs
def test_predict_and_evaluate_keep_nothing_else() -> None:
    net = network().to(DEVICE, torch.float64)
    h0, targets = (tensor.to(DEVICE) for tensor in batch(net.to("cpu", torch.float64), 20))
    engine = CudaEngine(ROOMY)
    full = engine.loss_and_gradient(Batch(net, h0, targets))
    wanted = ORACLE.predict(net.to("cpu", torch.float64), h0.cpu())
    close(engine.predict(net, h0), wanted, TOLERANCE[torch.float64])
    same(engine.evaluate(Batch(net, h0, targets)).loss, full.loss)
    assert engine.launches == 3 + 1 + 1


@runs
@pytest.mark.parametrize("activation", ["relu", "elu", "gelu"])
def test_states_that_grow_are_recovered(activation: str) -> None:
    # h grows by 2e5 through 64 layers: subtracted all the way back, float32 would lose it.
    net = network(depth=64, width=4, activation=activation, dtype=torch.float32)
    blocks = torch.eye(4) + 0.1 * net.blocks
    grown = net.with_blocks(blocks)
    h0, targets = batch(grown, 9)
    h0, targets = h0.abs(), targets
    exact = ORACLE.predict(grown.to("cpu", torch.float64), h0.double())
    assert exact.abs().max() > 1e4
    agree(grown, h0, targets)


@runs
@products(augmentation=AUGMENTATIONS, activation=ACTIVATIONS)
def test_a_network_that_diverges_shows_in_its_loss(augmentation: str, activation: str) -> None:
    net = network(augmentation=augmentation, activation=activation, dtype=torch.float32)
    net.blocks[2, 0, 0] = torch.nan
    h0, targets = batch(net, 3)
    assert not evaluated(CudaEngine(ROOMY), net, h0, targets).loss.isfinite()


def _operations(depth: int, augmentation: str, machine: Machine) -> tuple[int, int]:
    from torch.utils._python_dispatch import TorchDispatchMode

    class Count(TorchDispatchMode):  # type: ignore[no-untyped-call]
        calls = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            # The interpreter's own host copies of its arguments are no launches.
            caller: FrameType | None = sys._getframe(1)
            while caller is not None and "interpreter.py" not in caller.f_code.co_filename:
                caller = caller.f_back
            self.calls += caller is None
            return func(*args, **(kwargs or {}))

    net = network(depth=depth, augmentation=augmentation).to(DEVICE, torch.float64)
    h0, targets = (tensor.to(DEVICE) for tensor in batch(net.to("cpu", torch.float64), 20))
    engine = CudaEngine(machine)
    with Count() as count:  # type: ignore[no-untyped-call]
        engine.loss_and_gradient(Batch(net, h0, targets))
    return engine.launches, count.calls


@runs
@products(augmentation=AUGMENTATIONS, machine=["roomy", "tight"])
def test_launches_do_not_depend_on_the_depth(augmentation: str, machine: str) -> None:
    shallow, deep = (_operations(depth, augmentation, MACHINES[machine]) for depth in (3, 20))
    assert shallow == deep
    kernels, operations = deep
    # Views and allocations count here as well; some 25 of these are launches.
    assert kernels == 3 and operations < 100


@triton.jit  # type: ignore[untyped-decorator]
def _apply(z_at, value_at, slope_at, n, ACTIVATION: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    z = tl.load(z_at + offsets, mask=offsets < n, other=0.0)
    value = triton_activation.activate(z, ACTIVATION)
    slope = triton_activation.derivative(z, value, ACTIVATION)
    tl.store(value_at + offsets, value, mask=offsets < n)
    tl.store(slope_at + offsets, slope, mask=offsets < n)


@runs
@products(activation=ACTIVATIONS, dtype=TOLERANCE)
def test_activations_are_torchs(activation: str, dtype: torch.dtype) -> None:
    small = torch.logspace(-12, 1, 3000, dtype=torch.float64)
    line = torch.linspace(-12, 12, 4001, dtype=torch.float64)
    # Whether the line passes through 0 exactly depends on the processor.
    z = torch.cat([torch.zeros(1, dtype=torch.float64), small, -small, line]).to(dtype)
    value, slope = (torch.empty_like(z, device=DEVICE) for _ in range(2))
    _apply[triton.cdiv(len(z), 1024),](z.to(DEVICE), value, slope, len(z), activation, 1024)
    exact = z.double()
    wanted = ACTIVATIONS[activation].value(exact)
    epsilon = torch.finfo(dtype).eps
    # Relative to z near zero, where sigma is z in first order, absolute where sigma saturates.
    unit = exact.abs().clamp(max=12.0 if activation == "gelu" else 1.0)
    if activation == "sigmoid":
        unit = torch.ones_like(exact)
    assert ((value.cpu().double() - wanted).abs() <= 8 * epsilon * unit).all()
    slopes = ACTIVATIONS[activation].derivative(exact, wanted)
    assert (slope.cpu().double() - slopes).abs().max() < 8 * epsilon


@runs
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_a_trajectory_of_descent(dtype: torch.dtype) -> None:
    net = network(dtype=dtype)
    h0, targets = batch(net, 12)
    step = GraphedStep(CudaEngine(ROOMY), net.to(DEVICE, dtype), h0.to(DEVICE), targets.to(DEVICE))
    exact = net.to("cpu", torch.float64)
    losses = []
    for _ in range(15):
        step.advance(0.3)
        evaluation = ORACLE.loss_and_gradient(Batch(exact, h0.double(), targets))
        losses.append(evaluation.loss)
        exact = exact.with_blocks(exact.blocks - 0.3 * evaluation.gradient)
    arrived = step.arrivals(wait=True)
    assert [arrival.step for arrival in arrived] == list(range(15))
    assert losses[-1] < losses[0]
    tolerance = {torch.float64: 1e-10, torch.float32: 1e-4}[dtype]
    wanted = torch.stack(losses)
    torch.testing.assert_close(
        torch.stack([arrival.loss for arrival in arrived]), wanted, rtol=tolerance, atol=0.0
    )
    close(step.network.blocks, exact.blocks, tolerance)


KERNELS = {
    cuda.triton_forward: ("forward_kernel",),
    cuda.triton_backward: ("backward_kernel", "sum_kernel"),
}


@pytest.mark.long
@runs
@pytest.mark.skipif(DEVICE == "cuda", reason="the device itself captures")
@products(augmentation=["skip", "inc_skip"], machine=["roomy", "tight"])
def test_a_played_graph_repeats_the_kernels(
    augmentation: str, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs = fake_cuda.install(monkeypatch)
    for module, names in KERNELS.items():
        fake_cuda.launches(monkeypatch, module, *names)
    sizes, engine = [], CudaEngine(MACHINES[machine])
    for depth in (3, 9):
        net = network(depth=depth, augmentation=augmentation)
        h0, targets = batch(net, 20)
        step = GraphedStep(engine, net, h0, targets)
        for rate in (0.1, 0.5, 0.2):
            step.advance(rate)
            evaluation = ORACLE.loss_and_gradient(Batch(net, h0, targets))
            net = net.with_blocks(net.blocks - rate * evaluation.gradient)
        close(step.network.blocks, net.blocks, 1e-12)
        close(step.arrivals(wait=True)[-1].loss, evaluation.loss, 1e-12)
        assert graphs[-1].replays == 3 and graphs[-1].launches == 3
        sizes.append(len(graphs[-1].calls))
    assert sizes[0] == sizes[1], "operations of a step, at two depths"


@pytest.mark.parametrize("precision", ["ieee", "tf32"])
def test_the_precision_of_wide_products_is_lent(precision: str) -> None:
    before = torch.backends.cuda.matmul.allow_tf32
    net = network(width=130, depth=2)
    CudaEngine(ROOMY, precision).predict(net, batch(net)[0])
    assert torch.backends.cuda.matmul.allow_tf32 == before


def _request(precision: str = "ieee", device: str = "cuda") -> Request:
    return Request(torch.device(device), torch.float32, 1, precision)


@pytest.mark.skipif(DEVICE == "cuda", reason="there is a device")
def test_no_device_is_a_reason() -> None:
    reason = cuda.unavailable(_request())
    assert reason is not None and "no CUDA device" in reason
    with refused(Usage, match="no CUDA device"):
        registry.choose("cuda", _request())


def test_other_devices_and_precisions_are_refused() -> None:
    with refused(Usage, match="not on cpu"):
        registry.choose("cuda", _request(device="cpu"))
    reason = cuda.unavailable(_request(precision="half"))
    assert reason is not None and "half" in reason


def test_an_early_triton_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "_version", "3.4.0+git1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    with refused(Usage, match=r"needs Triton 3\.5 .*, not 3\.4\.0"):
        registry.choose("cuda", _request())


@recent
@pytest.mark.parametrize("problem", ["Failed to find C compiler.\nSee CC", ""])
def test_no_launcher_is_a_reason(problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError(problem)

    driver = SimpleNamespace(active=SimpleNamespace(get_current_device=fail))
    monkeypatch.setattr(cuda.runtime, "driver", driver)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    cuda._no_launcher.cache_clear()
    with pytest.warns(UserWarning, match=r"leaves out cuda: needs a C compiler .*\(\w[^\n]+\)$"):
        assert registry.choose("auto", _request()).name == "eager"
    cuda._no_launcher.cache_clear()


@pytest.mark.gpu
@pytest.mark.skipif(DEVICE == "cpu", reason="no CUDA device")
def test_auto_takes_this_engine() -> None:
    assert registry.choose("auto", _request()).name == "cuda"


REPOSITORY = Path(__file__).resolve().parents[2]


def _process(*command: str, **environment: str) -> None:
    settings = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"} | environment
    done = subprocess.run(
        [sys.executable, *command], cwd=REPOSITORY, env=settings, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@recent
@pytest.mark.long
@pytest.mark.parametrize(
    "case",
    [
        "--activation tanh --augmentation skip --width 15 32 --samples 12500",
        "--activation gelu --augmentation none --width 64 --samples 100",
        "--activation elu --augmentation linear_skip --width 15 --samples 100 --dtype float64",
        "--activation sigmoid --augmentation inc_skip --width 15 --samples 100 --recompute",
        "--activation relu --augmentation skip --width 128 --samples 100 --precision tf32",
    ],
)
def test_compiles_for_hopper(case: str) -> None:
    _process("benchmarks/compile_gpu.py", *case.split())


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.skipif(RUNNABLE, reason="the tests above ran")
def test_interpreted() -> None:
    _process("-m", "pytest", "-q", "-x", "-k", "not hopper", __file__, TRITON_INTERPRET="1")
