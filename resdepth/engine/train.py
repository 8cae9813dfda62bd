"""The training loop: gradient descent as a sequence of records, one a step.

`step` counts updates done. The record of step s belongs to the weights before update s; its rate
is the one that update s uses. After the last update one more record is evaluated, over the whole
training set and without an update.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from resdepth.arrays import Blocks, Hidden, Targets
from resdepth.engine.contract import Engine, Summary
from resdepth.engine.network import Network
from resdepth.engine.optimiser import Rate, descend

Batches = Callable[[int], tuple[Hidden, Targets]]
"""The embedded batch of a step."""

Measure = Callable[[int, Network], tuple[float, dict[str, float]]]
"""At a step: the norm that the rate depends on, and what is to be logged beside the loss."""


@dataclass(frozen=True)
class State:
    """Where training stands: the weights before update `step`, and the rate it uses."""

    step: int
    network: Network
    rate: float


@dataclass(frozen=True)
class StepRecord:
    """What is known of one step; `norms` are the logged p-variation norms by tag.

    `state` is None where a device that runs ahead did not keep the weights of this step; `finite`
    says of its weights that all of them are.
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
        evaluation = engine.loss_and_gradient(state.network, *batches(state.step))
        yield record(state, evaluation, norms)
        if evaluation.gradient is None:
            raise RuntimeError(f"engine {engine.name} gave no gradient")
        blocks = descend(state.network.blocks, evaluation.gradient, state.rate)
        network = state.network.with_blocks(blocks)
        norm, norms = measure(state.step + 1, network)
        state = State(state.step + 1, network, rule.next(state.rate, norm))
    yield record(state, engine.evaluate(state.network, *whole), norms)


def record(state: State, evaluation: Summary, norms: dict[str, float]) -> StepRecord:
    """The record of a step whose weights are at hand."""
    return StepRecord(
        state.step, state.rate, evaluation, norms, state, _finite(state.network.blocks)
    )


def _finite(blocks: Blocks) -> bool:
    # A finite sum has finite terms and is ten times as fast to come by; the sum of finite terms may
    # still overflow.
    return bool(blocks.sum().isfinite()) or bool(blocks.isfinite().all())
