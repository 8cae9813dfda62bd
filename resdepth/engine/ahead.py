"""The training loop where the device runs ahead of the host: the same records, arriving later.

Steps are enqueued without waiting for their results (`kernels.graphed`); records follow in the
order of the steps. Weights change in place, so only the records of the steps that `keep` selects
carry them. The rate is constant, since it must be known in advance.
"""

from collections import deque
from collections.abc import Callable, Iterator

from resdepth.arrays import Hidden, Targets
from resdepth.engine.contract import Batch, Engine
from resdepth.engine.kernels.graphed import GraphedStep
from resdepth.engine.network import Network
from resdepth.engine.train import Batches, State, StepRecord, record

Norms = Callable[[], tuple[float, dict[str, float]]]
"""Waits for the norms of one step."""

Watch = Callable[[int, Network], Norms]
"""Starts to measure the weights of a step, which change as soon as it returns."""


def train_ahead(
    engine: Engine,
    start: State,
    steps: int,
    batches: Batches,
    whole: tuple[Hidden, Targets],
    watch: Watch,
    keep: Callable[[int], bool],
) -> Iterator[StepRecord]:
    """Descend from `start` at its rate until `steps` updates are done; see `engine.train.train`.

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
