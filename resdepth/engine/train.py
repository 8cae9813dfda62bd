"""The training loop: gradient descent as a sequence of records, one per step.

`step` counts completed updates. The record of step s belongs to the weights before update s; its
rate is the one that update s uses. A last record, without an update, is evaluated over the whole
training set.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from resdepth.arrays import Blocks, Hidden, Targets
from resdepth.engine.contract import Batch, Engine, Summary
from resdepth.engine.network import Network
from resdepth.engine.optimiser import Rate, descend

Batches = Callable[[int], tuple[Hidden, Targets]]
"""The embedded batch of a step."""

Measure = Callable[[int, Network], tuple[float, dict[str, float]]]
"""At a step: the norm that the rate depends on, and the norms to log."""


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


def record(state: State, evaluation: Summary, norms: dict[str, float]) -> StepRecord:
    """The record of a step whose weights are at hand."""
    return StepRecord(
        state.step, state.rate, evaluation, norms, state, _finite(state.network.blocks)
    )


def _finite(blocks: Blocks) -> bool:
    # A finite sum has finite terms and is ten times as fast, but finite terms may overflow.
    return bool(blocks.sum().isfinite()) or bool(blocks.isfinite().all())
