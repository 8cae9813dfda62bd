"""The directions of a landscape: random, principal, sharpest, or towards other weights."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from resdepth.engine.device import resolve_device
from resdepth.engine.objective import Objective
from resdepth.engine.vector import Layout
from resdepth.errors import Impossible, Usage
from resdepth.mathematics import random_directions
from resdepth.mathematics.lanczos import extreme_eigenpairs
from resdepth.mathematics.plane import PathPlane, path_plane
from resdepth.options.landscape import RenderOptions
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing.curvature import Curvature
from resdepth.probing.objectives import Source, objective_of
from resdepth.runs.checkpoint import Checkpoint, check_like, checkpoints, read_checkpoint
from resdepth.runs.checksum import file_checksum
from resdepth.runs.columns import Columns
from resdepth.runs.run import open_run

Array = NDArray[np.float64]

RECIPES = {
    "random": random_directions.RECIPE,
    "pca": "principal components of the run's checkpoints seen from their mean, of norm 1; signs "
    "such that the first checkpoint lies on the positive side",
    "pca from the last": "the same seen from the last checkpoint",
    "hessian": "eigenvectors of the largest eigenvalues of the Hessian at the centre, of norm 1, "
    "their largest entry positive",
    "runs": "from the centre to the other weights, which lie at 1",
}
"""How directions of each kind are made, in the words that a result records."""


@dataclass(frozen=True)
class Directions:
    """Directions (k, n), what a surface should record of them, and points to mark (m, k)."""

    vectors: Array
    record: dict[str, Any] = field(default_factory=dict)
    marks: Array = field(default_factory=lambda: np.empty((0, 0)))


def directions_of(
    objective: Objective, source: Source, checkpoint: Checkpoint, options: RenderOptions
) -> Directions:
    """Those that are asked for, scaled to the weights part by part where that is.

    Raises
    ------
    Impossible
        The run's checkpoints span no plane.
    Corrupt, Usage
        The other weights are those of another network.
    """
    centre = objective.centre.detach().double().cpu().numpy()
    if options.kind == "random":
        drawn = random_directions.draw(options.seed, options.pairs * options.axes, (len(centre),))
        found = Directions(drawn)
    elif options.kind == "pca":
        plane = plane_of(source, objective.layout)
        found = Directions(plane.directions[: options.axes], {"explained": plane.explained})
    elif options.kind == "hessian":
        found = _sharpest(source, checkpoint, options)
    else:
        found = _towards(objective.layout, centre, checkpoint, options)
    _scale(found.vectors, centre, objective.layout, options)
    return found


def plane_of(source: Source, layout: Layout, centred: bool = True) -> PathPlane:
    """The plane of all checkpoints of a run.

    Raises
    ------
    Impossible
        There are fewer than three that differ, or all of them lie on a line.
    """
    run = source.run
    if run is None:
        raise Impossible(
            source.checkpoint, "it lies in no run folder, so there is no path", "give a run folder"
        )
    found = list(checkpoints(run.path).values())
    remedy = "train with `checkpoint_every`"
    if len(found) < 3:
        several = "checkpoint" if len(found) == 1 else "checkpoints"
        reason = f"it has {len(found)} {several}, and a plane through them takes three"
        raise Impossible(run.path, reason, remedy)
    columns = Columns(found, [part.name for part in layout.parts])
    try:
        plane = path_plane(columns.slabs, centred)
    except ValueError:
        reason = f"its {len(found)} checkpoints are all the same"
        remedy = "training moved nothing: see to its rate"
        raise Impossible(run.path, reason, remedy) from None
    if plane.collinear:
        reason = f"its {len(found)} checkpoints lie on one line"
        raise Impossible(run.path, reason, remedy)
    return plane


def _sharpest(source: Source, checkpoint: Checkpoint, options: RenderOptions) -> Directions:
    """Eigenvectors of the Hessian on the data of the surface, in float64."""
    engine = options.engine if options.engine in ("cpu", "eager", "reference") else "auto"
    asked = SpectrumOptions(
        subset=options.subset,
        seed=options.seed,
        device=options.device,
        engine=engine,
        threads=options.threads,
    )
    device = resolve_device(options.device)
    # mps has no float64.
    device = torch.device("cpu") if device.type == "mps" else device
    objective, _ = objective_of(source, checkpoint, asked, device)
    product = Curvature(objective, source.checkpoint).of(False)
    pairs = extreme_eigenpairs(product, objective.layout.size, options.axes, seed=options.seed)
    vectors = pairs.vectors[: options.axes]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], axis=1)
    record = {
        "eigenvalues": pairs.values[: options.axes],
        "residuals": pairs.residuals,
        "search": pairs.search,
    }
    return Directions(vectors * np.sign(largest), record)


def _towards(
    layout: Layout, centre: Array, checkpoint: Checkpoint, options: RenderOptions
) -> Directions:
    """Differences to the weights of other runs, which are marked."""
    paths = [checkpoint_at(path) for path in options.towards]
    vectors = []
    for path in paths:
        other = read_checkpoint(path)
        _check_same(other, checkpoint, path)
        vectors.append(layout.vector(other.tensors).double().numpy() - centre)
    record = {"towards": [str(path) for path in paths]}
    return Directions(np.stack(vectors), record, np.eye(len(paths)))


def checkpoint_at(path: Path) -> Path:
    """The newest checkpoint of a run folder, or the file itself."""
    return open_run(path).newest if path.is_dir() else path


def digests(options: RenderOptions) -> list[str]:
    """What tells the directions asked for from all others: words, or checksums of weights."""
    paths = [checkpoint_at(path) for path in options.towards]
    return [file_checksum(path) for path in paths] or [options.kind]


def _check_same(other: Checkpoint, checkpoint: Checkpoint, path: Path) -> None:
    """Raise where the weights belong to another network, or to other fixed matrices."""
    own = {name: tensor for name, tensor in checkpoint.tensors.items() if name != "velocity"}
    theirs = {name: tensor for name, tensor in other.tensors.items() if name != "velocity"}
    check_like(Checkpoint(other.step, other.lr, theirs), own, path)
    fixed = ("readin", "readout") if checkpoint.dense else ()
    if not all(torch.equal(own[name], theirs[name]) for name in fixed):
        raise Usage(
            f"directions={path}",
            "its fixed read-in is another, so the loss at its weights would not be its own",
            "train both with one `seed`",
        )


def _scale(drawn: Array, centre: Array, layout: Layout, options: RenderOptions) -> None:
    """Scale directions in place; norms and biases of random ones stay where they are trained."""
    for part, place in layout.places():
        weights = centre[place].reshape(part.shape)
        of_part = drawn[:, place].reshape(len(drawn), *part.shape)
        kind = options.normalisation
        if part.role != "weights":
            if options.kind == "random" and not options.norms:
                drawn[:, place] = 0.0
                continue
            # A vector is one filter: its entries have no norms of their own to keep.
            kind = "layer" if kind == "filter" else kind
        scaled = random_directions.normalise(of_part, weights, kind, part.stacked)
        drawn[:, place] = scaled.reshape(len(drawn), -1)


def check_options(source: Source, options: RenderOptions) -> None:
    """Raise where options of convolutional networks were given for a dense one."""
    given = {"--norms": options.norms, "--statistics": options.statistics is not None}
    for flag, asked in given.items():
        if asked and not source.convolutional:
            reason = "a fully connected network has no norms, biases or batch statistics"
            raise Usage(flag, reason, "leave it out")
