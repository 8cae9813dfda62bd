"""Output changes against a forward pass in numpy, for every augmentation, activation and loss."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special

import resdepth
from resdepth.data.load import load_data
from resdepth.errors import Missing, Usage
from resdepth.mathematics.interventions import pair_order, shuffled_order, smoothed
from resdepth.mathematics.refinement import REFINEMENTS
from resdepth.options.data import REGRESSIONS
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.probing import output_changes
from resdepth.probing.objectives import Source
from resdepth.probing.output_changes import DRAWS, FunctionChanges, function_changes, write
from resdepth.records import plain
from resdepth.runs.run import Run
from tests.support.messages import refused
from tests.support.products import products

SMALL: dict[str, Any] = {"width": 5, "epochs": 2, "threads": 1, "train_fraction": 0.05, "lr": 0.5}
ACTIVATIONS = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0.0))),
    "gelu": lambda x: x * scipy.special.ndtr(x),
    "sigmoid": scipy.special.expit,
}


def trained(folder: Path, depth: int = 6, **options: Any) -> Run:
    return resdepth.train(resdepth.TrainOptions(depth=depth, **{**SMALL, **options}), folder)


def forward(blocks: np.ndarray, h0: np.ndarray, options: resdepth.TrainOptions) -> np.ndarray:
    """h_L by the recursions of the manual."""
    sigma, h, before = ACTIVATIONS[options.activation], h0, np.zeros_like(blocks[0])
    for block in blocks:
        if options.augmentation == "skip":
            h = h + len(blocks) ** -options.alpha * sigma(h @ block.T)
        elif options.augmentation == "none":
            h = sigma(h @ block.T)
        elif options.augmentation == "linear_skip":
            h = h + sigma(h) @ block.T
        else:
            h = h + sigma(h) @ (block - before).T
        before = block
    return h


class Reference:
    """One run in numpy, float64."""

    def __init__(self, run: Run) -> None:
        self.options = run.recorded_options
        stored = run.checkpoint()
        self.blocks, readin, self.readout = (
            x.double().numpy() for x in (stored.blocks, stored.readin, stored.readout)
        )
        data, _ = load_data(self.options)
        self.targets = data.targets.numpy()
        self.h0 = data.inputs.double().numpy() @ readin.T
        self.h = forward(self.blocks, self.h0, self.options)

    def change(self, blocks: np.ndarray) -> float:
        moved = forward(blocks, self.h0, self.options) - self.h
        return np.linalg.norm(moved) / np.linalg.norm(self.h - self.h0)

    def loss(self, blocks: np.ndarray) -> float:
        found = forward(blocks, self.h0, self.options) @ self.readout.T
        if self.options.data in REGRESSIONS:
            p = self.options.loss_p or 2.0
            return float(np.mean(np.abs(found.ravel() - self.targets.ravel()) ** p / p))
        shifted = scipy.special.log_softmax(found, axis=1)
        return -float(shifted[np.arange(len(found)), self.targets].mean())

    def sets(self, seed: int, refine: bool) -> dict[str, list[np.ndarray]]:
        """The changed weights, drawn again."""
        blocks, random = self.blocks, np.random.default_rng([seed, 1, len(self.blocks)])
        pairs = [blocks[pair_order(len(blocks), random)] for _ in range(DRAWS["pair"])]
        shuffles = [blocks[shuffled_order(len(blocks), random)] for _ in range(DRAWS["shuffle"])]
        found = {"smooth": [smoothed(blocks)], "pair": pairs, "shuffle": shuffles}
        if refine:
            beta = 1.0 - self.options.alpha
            found |= {name: [rule(blocks, beta)] for name, rule in REFINEMENTS.items()}
        return found


def check(run: Run, found: FunctionChanges, seed: int = 0, *, refine: bool = False) -> None:
    (cell,), reference = found.cells, Reference(run)
    assert (cell.depth, cell.seed) == (len(reference.blocks), reference.options.seed)
    assert cell.augmentation == reference.options.augmentation
    assert cell.loss == pytest.approx(reference.loss(reference.blocks), rel=1e-10)
    sets = reference.sets(seed, refine)
    assert set(cell.changes) == set(cell.losses) == set(sets)
    for name, weights in sets.items():
        changes = [reference.change(blocks) for blocks in weights]
        np.testing.assert_allclose(cell.changes[name], changes, rtol=1e-7, atol=1e-12)
        losses = [reference.loss(blocks) for blocks in weights]
        np.testing.assert_allclose(cell.losses[name], losses, rtol=1e-9)


def evaluated(*runs: Run, **options: Any) -> FunctionChanges:
    return function_changes([Source.of(run) for run in runs], threads=1, **options)


@products(
    augmentation=("skip", "none", "linear_skip", "inc_skip"),
    activation=sorted(ACTIVATIONS),
)
def test_every_network_is_that_of_numpy(tmp_path: Path, augmentation, activation) -> None:
    run = trained(tmp_path / "a", augmentation=augmentation, activation=activation, alpha=0.5)
    # For inc_skip the layers are differences: the same recursion on the changed weights.
    check(run, evaluated(run, seed=3, refine=True), 3, refine=True)


@pytest.mark.parametrize(
    "options",
    [
        {"data": "sin", "num_samples": 20, "train_fraction": 1.0},
        {"data": "sin", "num_samples": 20, "train_fraction": 1.0, "loss_p": 3.0},
        {"data": "constant", "num_samples": 20, "train_fraction": 1.0, "dtype": "float64"},
        {"classes": 12, "dtype": "float64"},
    ],
    ids=str,
)
def test_every_loss_is_that_of_numpy(tmp_path: Path, options: dict[str, Any]) -> None:
    run = trained(tmp_path / "a", **options)
    check(run, evaluated(run))


@pytest.mark.parametrize("numbers", [1, 2000, 1 << 22])
def test_what_is_evaluated_at_once_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: int
) -> None:
    monkeypatch.setattr(output_changes, "NUMBERS", numbers)
    run = trained(tmp_path / "a")
    check(run, evaluated(run))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_few_layers(tmp_path: Path, depth: int) -> None:
    run = trained(tmp_path / "a", depth)
    found = evaluated(run)
    check(run, found)
    assert found.cells[0].changes["smooth"][0] == 0.0 or depth == 3


def test_distances_are_between_a_seed_s_depths(tmp_path: Path) -> None:
    places = [(4, 0), (8, 0), (16, 0), (4, 1), (8, 1), (12, 1)]
    runs = [trained(tmp_path / f"{d}-{s}", d, seed=s) for d, s in places]
    found = evaluated(*runs)
    assert [(cell.depth, cell.seed) for cell in found.cells] == places
    references = {place: Reference(run) for place, run in zip(places, runs, strict=True)}
    assert [(one.depth, one.seed) for one in found.distances] == [(4, 0), (8, 0), (4, 1)]
    for one in found.distances:
        shallow, deep = (references[one.depth * n, one.seed] for n in (1, 2))
        expected = np.linalg.norm(deep.h - shallow.h) / np.linalg.norm(shallow.h - shallow.h0)
        assert one.distance == pytest.approx(expected, rel=1e-9)


def test_draws_follow_from_the_seed(tmp_path: Path) -> None:
    run = trained(tmp_path / "a", 9)
    first, again, other = (plain(evaluated(run, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    changes = [one["cells"][0]["changes"] for one in (first, other)]
    assert changes[0]["smooth"] == changes[1]["smooth"]
    assert all(changes[0][name] != changes[1][name] for name in ("pair", "shuffle"))
    assert len(set(changes[0]["pair"])) > 1


def test_an_earlier_checkpoint_is_evaluated_itself(tmp_path: Path) -> None:
    run = trained(tmp_path / "a", checkpoint_every=1, lr=20.0)
    step = tmp_path / "a/checkpoints/step_00000001.safetensors"
    early = function_changes([Source(run.recorded_options, step)], threads=1)
    late = evaluated(run)
    assert early.cells[0].loss != late.cells[0].loss
    first = run.checkpoint(1)
    h0 = Reference(run).h0
    moved = forward(first.blocks.double().numpy(), h0, run.recorded_options) - h0
    assert early.cells[0].checkpoint == step and np.linalg.norm(moved) > 0


def test_cost_is_said_before_anything_is_computed(tmp_path: Path) -> None:
    runs, said = [trained(tmp_path / f"{depth}", depth) for depth in (3, 5)], list[int]()

    class Stop(Exception):
        pass

    def announce(layers: int) -> None:
        said.append(layers)
        raise Stop

    with pytest.raises(Stop):
        evaluated(*runs, announce=announce)
    assert said == [8]


def test_a_file_has_the_numbers_and_where_they_come_from(tmp_path: Path) -> None:
    run = trained(tmp_path / "a")
    write([run], tmp_path / "out.json", ["resdepth", "study", "report"])
    numbers = json.loads((tmp_path / "out.json").read_text())
    found = plain(evaluated(run))
    assert numbers["cells"] == found["cells"] and numbers["distances"] == []
    names = [Path(source["path"]).name for source in numbers["provenance"]["sources"]]
    assert set(names) == {"last.safetensors", "manifest.json"}


def test_a_run_without_a_checkpoint_is_missing(tmp_path: Path) -> None:
    run = trained(tmp_path / "a")
    for path in (tmp_path / "a/checkpoints").iterdir():
        path.unlink()
    with refused(Missing, match="no such checkpoint"):
        evaluated(run)


def test_runs_of_other_programs_are_refused(tmp_path: Path) -> None:
    options = ResnetCifarOptions(depth=8)
    with refused(Usage, match="is no run of `train`"):
        function_changes([Source(options, tmp_path / "a/checkpoints/last.safetensors")])
