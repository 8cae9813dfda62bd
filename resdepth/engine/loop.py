"""Gradient descent as a sequence of records, one per step, and the rules for its rate.

`step` counts completed updates. The record of step s belongs to the weights before update s; its
rate is the one that update s uses. A last record, without an update, is evaluated over the whole
training set.

`train` waits for each step. `train_ahead` enqueues steps without waiting (`kernels.graphed`), which
needs a constant rate; its records follow in the order of the steps.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from resdepth.arrays import Hidden, Targets
from resdepth.engine.contract import Batch, Engine, Summary
from resdepth.engine.kernels.graphed import GraphedStep
from resdepth.engine.network import Network

Batches = Callable[[int], tuple[Hidden, Targets]]
"""The embedded batch of a step."""
Measure = Callable[[int, Network], tuple[float, dict[str, float]]]
"""At a step: the norm that the rate depends on, and the norms to log."""
Norms = Callable[[], tuple[float, dict[str, float]]]
"""Waits for the norms of one step."""
Watch = Callable[[int, Network], Norms]
"""Starts to measure the weights of a step, which change as soon as it returns."""

STALLED = 1e-12
"""A rate below this share of the first one is reported as stalled."""

ACTIVATION_CONSTANTS = {"relu": 10.0}
DEFAULT_CONSTANT = 2.0
STEPS_DOWN = (0.5, 0.75)
"""Shares of the training after which `step` divides the rate by ten (He et al., CVPR 2016)."""


@dataclass(frozen=True)
class Rate:
    """The rule for the rate of the next update: here, the same rate at every step."""

    needs_norm: ClassVar[bool] = False

    def next(self, rate: float, norm: float | None) -> float:
        """The rate after `rate`, given the p-variation norm of the path it starts from."""
        return rate


@dataclass(frozen=True)
class DynamicRate(Rate):
    """eta(s+1) = min(eta_max, C eta(s) / ||W(s+1)||^2_{p-var}).

    W is the path k -> L^beta A_k that update s+1 starts from, `norm` its p-variation norm (not
    the variation). With `anchored`, eta(0) replaces eta(s). A path of zero variation gives eta_max.
    So does one whose norm is not finite: its loss ends the run.
    """

    first: float
    constant: float
    largest: float
    anchored: bool
    needs_norm: ClassVar[bool] = True

    def next(self, rate: float, norm: float | None) -> float:
        # norm * norm overflows to infinity and underflows to 0, where norm**2 would raise.
        square = norm * norm if norm else 0.0
        if not square:
            return self.largest
        base = self.first if self.anchored else rate
        return min(self.largest, self.constant * base / square)


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
        yield _record(state, evaluation, norms)
        # A new tensor: if it is not finite, the old weights remain.
        blocks = state.network.blocks.add(evaluation.gradient, alpha=-state.rate)
        network = state.network.with_blocks(blocks)
        norm, norms = measure(state.step + 1, network)
        state = State(state.step + 1, network, rule.next(state.rate, norm))
    yield _record(state, engine.evaluate(Batch(state.network, *whole)), norms)


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
    network, rate = start.network, start.rate
    if start.step < steps:
        stepper = GraphedStep(engine, network, *batches(start.step), step=start.step)
        waiting: deque[tuple[State | None, Norms]] = deque()
        for step in range(start.step, steps):
            state = State(step, _copy(stepper.network), rate) if keep(step) else None
            waiting.append((state, watch(step, stepper.network)))
            if step > start.step:
                stepper.take(*batches(step))
            stepper.advance(rate)
            for arrival in stepper.arrivals(wait=step == steps - 1):
                state, norms = waiting.popleft()
                values = norms()[1]
                yield StepRecord(arrival.step, rate, arrival, values, state, arrival.finite)
        network = _copy(stepper.network)
    values = watch(steps, network)()[1]
    yield _record(State(steps, network, rate), engine.evaluate(Batch(network, *whole)), values)


def _copy(network: Network) -> Network:
    return network.with_blocks(network.blocks.clone())


def _record(state: State, evaluation: Summary, norms: dict[str, float]) -> StepRecord:
    blocks = state.network.blocks
    # A finite sum has finite terms and is ten times as fast, but finite terms may overflow.
    finite = bool(blocks.sum().isfinite()) or bool(blocks.isfinite().all())
    return StepRecord(state.step, state.rate, evaluation, norms, state, finite)


def scheduled(name: str, rate: float, step: int, steps: int, warmup: int = 0) -> float:
    """The rate of update `step` of `steps`.

    It rises linearly to `rate` in `warmup` steps; then `constant` keeps it, `cosine` decreases to 0
    along half a period, and `step` divides it by ten at 1/2 and 3/4 of all steps.
    """
    if step < warmup:
        return rate * (step + 1) / warmup
    if name == "cosine":
        share = (step - warmup) / max(steps - warmup, 1)
        return 0.5 * rate * (1.0 + math.cos(math.pi * share))
    if name == "step":
        return float(rate * 0.1 ** sum(step >= share * steps for share in STEPS_DOWN))
    return rate
