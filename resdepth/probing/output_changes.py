"""Output changes of a trained network when the noise in its weights is smoothed or resampled."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
HIDDEN_NUMBERS = 1 << 22
"""Numbers of the hidden states that are evaluated at once."""


@dataclass(frozen=True)
class OutputChanges:
    """Output changes of one run by intervention (draws,), and the mean loss after each.

    `loss` is that of the trained weights; all in float64 over the whole training set. The names
    include the refinements if they were requested.
    """

    run: Path
    depth: int
    seed: int
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
    runs: Sequence[Run],
    seed: int = 0,
    threads: int | None = None,
    *,
    refine: bool = False,
    announce: Announce = lambda layers: None,
) -> FunctionChanges:
    """Apply every intervention to the newest weights of `runs` of `train`, which share a data set.

    `seed` determines the draws. Nothing is trained: it costs 12 forward passes per run. `refine`
    evaluates the networks at twice and half the depth as well, at the cost of 5 more. Raises
    Missing if a run has no checkpoint, or its data are gone.
    """
    options = {run.path: run.recorded_options for run in runs}
    announce(sum(o.depth for o in options.values() if isinstance(o, TrainOptions)))
    cells, ends = [], dict[tuple[int, int], tuple[Array, Array]]()
    for run in runs:
        training = options[run.path]
        if not isinstance(training, TrainOptions):
            raise Usage("sources", f"{run.path} is no run of `train`", "leave it out")
        network = Evaluated.of(run, training, threads)
        ends[training.seed, training.depth] = network.h0.numpy(), network.state.numpy()
        cells.append(network.changes(run.path, training, seed, refine))
    return FunctionChanges(tuple(cells), tuple(_distances(ends)))


def write(
    runs: Sequence[Run],
    path: Path,
    command: Sequence[str] = ("resdepth.limit",),
    announce: Announce = lambda layers: None,
) -> None:
    """Apply every intervention to `runs` and write `FunctionChanges` to `path` (.json).

    Raises Missing if a run has no checkpoint, System if `path` cannot be written.
    """
    found = function_changes(runs, announce=announce)
    files = [file for run in runs for file in Source.of(run).files]
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
    def of(cls, run: Run, training: TrainOptions, threads: int | None) -> "Evaluated":
        """The newest weights of a run on its training data."""
        compute = training.model_copy(update={"dtype": "float64"}).compute
        threads = threads or compute.threads or available_threads()
        torch.set_num_threads(threads)
        request = engine_request(compute, torch.device("cpu"), threads)
        engine = choose("auto", request)
        network = load_network(training.network, training.data, read_checkpoint(run.newest)).to(
            "cpu", torch.float64
        )
        data, _ = load_data(training)
        leave_threads_to(engine)
        h0 = network.embed(data.inputs.double())
        (state,) = _states(engine, network, h0, network.blocks[None])
        targets = data.targets.double() if data.targets.is_floating_point() else data.targets
        return cls(engine, network, h0, targets, state)

    def changes(self, run: Path, training: TrainOptions, seed: int, refine: bool) -> OutputChanges:
        """The output changes and losses of every intervention, and of refinements if requested."""
        blocks, beta = self.network.blocks.numpy(), self.network.beta
        losses, changes = {}, {}
        sets = _interventions(blocks, seed)
        if refine:
            sets |= {n: refined(blocks, beta)[None] for n, refined in REFINEMENTS.items()}
        for name, weights in sets.items():
            found = _states(self.engine, self.network, self.h0, torch.from_numpy(weights))
            changes[name] = output_change(self.state.numpy(), self.h0.numpy(), found.numpy())
            losses[name] = self._losses(found)
        loss = float(self._losses(self.state[None])[0])
        return OutputChanges(run, len(blocks), training.seed, changes, losses, loss)

    def _losses(self, states: Tensor) -> Array:
        """Mean loss of each of `states` (R, N, d)."""
        predictions = states @ self.network.readout.mT
        losses = self.network.loss.of_samples(predictions, self.targets)
        return np.asarray(losses.mean(-1).numpy())


def _interventions(blocks: Array, seed: int) -> dict[str, Array]:
    """The changed weights (draws, L, d, d) by intervention; draws depend on the depth too."""
    depth = len(blocks)
    random = np.random.default_rng([seed, 1, depth])
    pairs = [pair_order(depth, random) for _ in range(DRAWS["pair"])]
    shuffles = [shuffled_order(depth, random) for _ in range(DRAWS["shuffle"])]
    return {
        "smooth": smoothed(blocks)[None],
        "pair": blocks[np.stack(pairs)],
        "shuffle": blocks[np.stack(shuffles)],
    }


def _states(engine: Engine, network: Network, h0: Tensor, weights: Tensor) -> Tensor:
    """The last hidden states (R, N, d) of networks with `weights` (R, L, d, d)."""
    # The prediction of a network whose read-out is the identity is its last hidden state.
    plain = replace(network, readout=torch.eye(network.width, dtype=torch.float64))
    together = max(1, HIDDEN_NUMBERS // h0.numel())
    parts = torch.split(weights, together)
    return torch.cat([engine.predict(plain.with_blocks(part), h0) for part in parts])
