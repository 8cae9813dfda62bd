"""The training loop: gradient descent as a sequence of records, one per step.

`step` counts completed updates. The record of step s belongs to the weights before update s; its
rate is the one that update s uses. A last record, without an update, is evaluated over the whole
training set.

`train` waits for each step. `train_ahead` enqueues steps without waiting (`kernels.graphed`), which
needs a constant rate; its records follow in the order of the steps.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from resdepth.arrays import Blocks, Hidden, Targets
from resdepth.engine.contract import Batch, Engine, Summary
from resdepth.engine.kernels.graphed import GraphedStep
from resdepth.engine.network import Network
from resdepth.engine.optimiser import Rate, descend

Batches = Callable[[int], tuple[Hidden, Targets]]
"""The embedded batch of a step."""

Measure = Callable[[int, Network], tuple[float, dict[str, float]]]
"""At a step: the norm that the rate depends on, and the norms to log."""


Norms = Callable[[], tuple[float, dict[str, float]]]
"""Waits for the norms of one step."""

Watch = Callable[[int, Network], Norms]
"""Starts to measure the weights of a step, which change as soon as it returns."""


@dataclass(frozen=True)
class State:
    """The weights before update `step`, and the rate that it uses."""

    step: int
    network: Network
    rate: float


@dataclass(frozen=True)
class StepRecord:
    """One step; `norms` are the logged p-variation norms by tag.

    `state` is None if a device that runs ahead did not keep the weights of this step; `finite` is
    whether all its weights are finite.
    """

    step: int
    rate: float
    evaluation: Summary
    norms: dict[str, float]
    state: State | None
    finite: bool


def train(
    engine: Engine,
    start: State,
    steps: int,
    batches: Batches,
    whole: tuple[Hidden, Targets],
    rule: Rate,
    measure: Measure,
) -> Iterator[StepRecord]:
    """Descend from `start` until `steps` updates are done, yielding a record before each."""
    state = start
    _, norms = measure(state.step, state.network)
    while state.step < steps:
        evaluation = engine.loss_and_gradient(Batch(state.network, *batches(state.step)))
        yield record(state, evaluation, norms)
        if evaluation.gradient is None:
            raise RuntimeError(f"engine {engine.name} gave no gradient")
        blocks = descend(state.network.blocks, evaluation.gradient, state.rate)
        network = state.network.with_blocks(blocks)
        norm, norms = measure(state.step + 1, network)
        state = State(state.step + 1, network, rule.next(state.rate, norm))
    yield record(state, engine.evaluate(Batch(state.network, *whole)), norms)


def train_ahead(
    engine: Engine,
    start: State,
    steps: int,
    batches: Batches,
    whole: tuple[Hidden, Targets],
    watch: Watch,
    keep: Callable[[int], bool],
) -> Iterator[StepRecord]:
    """Descend from `start` at its rate until `steps` updates are done.

    `state` is None in the records of steps that `keep` left out.
    """
    network = start.network
    if start.step < steps:
        stepper = GraphedStep(engine, network, *batches(start.step), step=start.step)
        waiting: deque[tuple[State | None, Norms]] = deque()
        for step in range(start.step, steps):
            kept = _copy(stepper.network) if keep(step) else None
            state = None if kept is None else State(step, kept, start.rate)
            waiting.append((state, watch(step, stepper.network)))
            if step > start.step:
                stepper.take(*batches(step))
            stepper.advance(start.rate)
            yield from _arrived(stepper, waiting, start.rate, wait=False)
        yield from _arrived(stepper, waiting, start.rate, wait=True)
        network = _copy(stepper.network)
    _, norms = watch(steps, network)()
    yield record(State(steps, network, start.rate), engine.evaluate(Batch(network, *whole)), norms)


def _copy(network: Network) -> Network:
    return network.with_blocks(network.blocks.clone())


def _arrived(
    stepper: GraphedStep, waiting: deque[tuple[State | None, Norms]], rate: float, *, wait: bool
) -> Iterator[StepRecord]:
    for arrival in stepper.arrivals(wait):
        state, norms = waiting.popleft()
        yield StepRecord(arrival.step, rate, arrival, norms()[1], state, arrival.finite)


def record(state: State, evaluation: Summary, norms: dict[str, float]) -> StepRecord:
    """The record of a step whose weights are at hand."""
    return StepRecord(
        state.step, state.rate, evaluation, norms, state, _finite(state.network.blocks)
    )


def _finite(blocks: Blocks) -> bool:
    # A finite sum has finite terms and is ten times as fast, but finite terms may overflow.
    return bool(blocks.sum().isfinite()) or bool(blocks.isfinite().all())
