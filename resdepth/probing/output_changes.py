"""Output changes of a trained network when the noise in its weights is smoothed or resampled."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from resdepth.cores import available_threads
from resdepth.data.load import load_data
from resdepth.engine.contract import Engine
from resdepth.engine.kernels.registry import choose, leave_threads_to
from resdepth.engine.network import Network
from resdepth.errors import Usage
from resdepth.isolation import isolated
from resdepth.mathematics import Array
from resdepth.mathematics.interventions import (
    output_change,
    pair_order,
    shuffled_order,
    smoothed,
)
from resdepth.mathematics.refinement import REFINEMENTS
from resdepth.options.train import TrainOptions
from resdepth.probing.objectives import Source
from resdepth.records import write_numbers
from resdepth.runs.checkpoint import read_checkpoint
from resdepth.runs.provenance import provenance
from resdepth.runs.run import Run
from resdepth.training.networks import engine_request, load_network

DRAWS = {"pair": 8, "shuffle": 2}
"""Draws of each random intervention."""
NUMBERS = 1 << 22
"""Numbers of the weights, and of the hidden states, that are evaluated at once."""


@dataclass(frozen=True)
class OutputChanges:
    """Output changes of one checkpoint by intervention (draws,), and the mean loss after each.

    `loss` is that of the trained weights; all in float64 over the whole training set. The names
    include the refinements if they were requested.
    """

    checkpoint: Path
    depth: int
    seed: int
    augmentation: str
    changes: dict[str, Array]
    losses: dict[str, Array]
    loss: float


@dataclass(frozen=True)
class StateDistance:
    """|h(2L) - h(L)| / |h(L) - h_0| of the last hidden states of one seed at L and 2L."""

    depth: int
    seed: int
    distance: float


@dataclass(frozen=True)
class FunctionChanges:
    """The output changes of the runs of an experiment, and the distances between its depths."""

    cells: tuple[OutputChanges, ...]
    distances: tuple[StateDistance, ...]


Announce = Callable[[int], None]
"""Receives the number of layers of all networks before anything is computed."""
PASSES = 2 + sum(DRAWS.values())
"""Forward passes of each network."""


@isolated()
def function_changes(
    sources: Sequence[Source],
    seed: int = 0,
    threads: int | None = None,
    *,
    refine: bool = False,
    announce: Announce = lambda layers: None,
) -> FunctionChanges:
    """Apply every intervention to checkpoints of runs of `train`, which share a data set.

    `seed` determines the draws. Nothing is trained: it costs 12 forward passes per checkpoint.
    `refine` evaluates the networks at twice and half the depth as well, at the cost of 5 more.
    Raises Missing or Corrupt if a checkpoint or its data cannot be read, Usage for other programs.
    """
    trained = []
    for source in sources:
        if not isinstance(source.training, TrainOptions):
            raise Usage("sources", f"{source.checkpoint} is no run of `train`", "leave it out")
        trained.append(source.training)
    announce(sum(training.depth for training in trained))
    cells, ends = [], dict[tuple[int, int], tuple[Array, Array]]()
    for source, training in zip(sources, trained, strict=True):
        network = Evaluated.of(source.checkpoint, training, threads)
        ends[training.seed, training.depth] = network.h0.numpy(), network.state.numpy()
        cells.append(network.changes(source.checkpoint, training, seed, refine))
    return FunctionChanges(tuple(cells), tuple(_distances(ends)))


def write(
    runs: Sequence[Run],
    path: Path,
    command: Sequence[str] = ("resdepth.limit",),
    announce: Announce = lambda layers: None,
) -> None:
    """Write `FunctionChanges` of the newest weights of `runs` to `path` (.json).

    Raises Missing if a run has no checkpoint, System if `path` cannot be written.
    """
    sources = [Source.of(run) for run in runs]
    found = function_changes(sources, announce=announce)
    files = [file for source in sources for file in source.files]
    write_numbers(path, found, provenance(command, {"seed": 0}, files))


def _distances(ends: Mapping[tuple[int, int], tuple[Array, Array]]) -> Iterator[StateDistance]:
    for (seed, depth), (start, state) in ends.items():
        fine = ends.get((seed, 2 * depth))
        if fine is not None and fine[1].shape == state.shape:
            (distance,) = output_change(state, start, fine[1][None])
            yield StateDistance(depth, seed, float(distance))


@dataclass(frozen=True)
class Evaluated:
    """A network in float64 with its data: first and last hidden state (N, d)."""

    engine: Engine
    network: Network
    h0: Tensor
    targets: Tensor
    state: Tensor

    @classmethod
    def of(cls, checkpoint: Path, training: TrainOptions, threads: int | None) -> "Evaluated":
        """The weights of a checkpoint with the training data of its run."""
        compute = training.model_copy(update={"dtype": "float64"}).compute
        threads = threads or compute.threads or available_threads()
        torch.set_num_threads(threads)
        request = engine_request(compute, torch.device("cpu"), threads)
        engine = choose("auto", request)
        stored = read_checkpoint(checkpoint)
        network = load_network(training.network, training.data, stored).to("cpu", torch.float64)
        data, _ = load_data(training)
        leave_threads_to(engine)
        h0 = network.embed(data.inputs.double())
        (state,) = next(_states(engine, network, h0, [network.blocks.numpy()]))
        targets = data.targets.double() if data.targets.is_floating_point() else data.targets
        return cls(engine, network, h0, targets, state)

    def changes(
        self, checkpoint: Path, training: TrainOptions, seed: int, refine: bool
    ) -> OutputChanges:
        """The output changes and losses of every intervention, and of refinements if requested."""
        blocks, beta = self.network.blocks.numpy(), self.network.beta
        sets = _interventions(blocks, seed)
        if refine:
            sets |= {name: [rule(blocks, beta)] for name, rule in REFINEMENTS.items()}
        found = {name: self._evaluated(weights) for name, weights in sets.items()}
        changes, losses = ({name: both[i] for name, both in found.items()} for i in (0, 1))
        loss = float(self._losses(self.state[None])[0])
        kind = training.network.augmentation
        return OutputChanges(checkpoint, len(blocks), training.seed, kind, changes, losses, loss)

    def _evaluated(self, weights: Iterable[Array]) -> tuple[Array, Array]:
        """Output change and mean loss of networks with each of `weights` (L, d, d)."""
        h, h0 = self.state.numpy(), self.h0.numpy()
        states = _states(self.engine, self.network, self.h0, weights)
        parts = [(output_change(h, h0, some.numpy()), self._losses(some)) for some in states]
        changes, losses = zip(*parts, strict=True)
        return np.concatenate(changes), np.concatenate(losses)

    def _losses(self, states: Tensor) -> Array:
        """Mean loss of each of `states` (R, N, d)."""
        predictions = states @ self.network.readout.mT
        losses = self.network.loss.of_samples(predictions, self.targets)
        return np.asarray(losses.mean(-1).numpy())


def _interventions(blocks: Array, seed: int) -> dict[str, Iterable[Array]]:
    """The changed weights (L, d, d) of each draw by intervention; draws depend on the depth too."""
    depth = len(blocks)
    random = np.random.default_rng([seed, 1, depth])
    pairs = [pair_order(depth, random) for _ in range(DRAWS["pair"])]
    shuffles = [shuffled_order(depth, random) for _ in range(DRAWS["shuffle"])]
    return {
        "smooth": [smoothed(blocks)],
        "pair": (blocks[order] for order in pairs),
        "shuffle": (blocks[order] for order in shuffles),
    }


def _states(
    engine: Engine, network: Network, h0: Tensor, weights: Iterable[Array]
) -> Iterator[Tensor]:
    """The last hidden states (R, N, d) of networks with `weights` (L, d, d), some at once."""
    # The prediction of a network whose read-out is the identity is its last hidden state.
    plain = replace(network, readout=torch.eye(network.width, dtype=torch.float64))
    together = max(1, NUMBERS // max(h0.numel(), network.blocks.numel()))
    remaining = iter(weights)
    while some := list(islice(remaining, together)):
        yield engine.predict(plain.with_blocks(torch.from_numpy(np.stack(some))), h0)
