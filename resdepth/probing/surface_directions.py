"""The directions of a loss surface: random, principal, sharpest, or towards other weights."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from resdepth.engine.parameters import Layout
from resdepth.errors import Impossible, Usage
from resdepth.mathematics import directions
from resdepth.mathematics.plane import PathPlane, path_plane
from resdepth.mathematics.spectrum import extreme_eigenpairs
from resdepth.options.landscape import RenderOptions
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing.objectives import Centre, Source, objective_of
from resdepth.probing.products import HessianProducts
from resdepth.runs.checkpoint import Checkpoint, check_like, checkpoints, read_checkpoint
from resdepth.runs.columns import Columns
from resdepth.runs.run import open_run

Array = NDArray[np.float64]

RECIPES = {
    "random": directions.RECIPE,
    "pca": "principal components of the run's checkpoints seen from their mean, of norm 1; signs "
    "such that the first checkpoint lies on the positive side",
    "pca from the last": "the same seen from the last checkpoint",
    "hessian": "eigenvectors of the largest eigenvalues of the Hessian at the centre, of norm 1, "
    "their largest entry positive",
    "runs": "from the centre to the other weights, which lie at 1",
}
"""How directions of each kind are made, as a result records it."""


@dataclass(frozen=True)
class Directions:
    """Directions (k, n), entries for the record of the surface, and points to mark (m, k).

    `files` are those that the directions were read from.
    """

    vectors: Array
    record: dict[str, Any] = field(default_factory=dict)
    marks: Array = field(default_factory=lambda: np.empty((0, 0)))
    files: Sequence[Path] = ()


def directions_of(centre: Centre, options: RenderOptions) -> Directions:
    """The requested directions, scaled to the weights part by part.

    Raises
    ------
    Impossible
        The run's checkpoints span no plane.
    Corrupt, Usage
        The other weights are those of another network.
    """
    layout = centre.objective.layout
    weights = centre.objective.centre.detach().double().cpu().numpy()
    if options.kind == "random":
        count = options.pairs * options.axes
        found = Directions(directions.draw(options.seed, count, (len(weights),)))
    elif options.kind == "pca":
        plane, files = plane_of(centre.source, layout)
        record = {"explained": plane.explained}
        found = Directions(plane.directions[: options.axes], record, files=files)
    elif options.kind == "hessian":
        found = _sharpest(centre, options)
    else:
        found = _towards(layout, weights, centre.checkpoint, options)
    _scale(found.vectors, weights, layout, options)
    return found


def plane_of(source: Source, layout: Layout, centred: bool = True) -> tuple[PathPlane, list[Path]]:
    """The plane of all checkpoints of a run, and their files.

    Raises
    ------
    Impossible
        Fewer than three of them differ, or all lie on one line.
    """
    run = source.run
    if run is None:
        what = "it lies in no run folder, so there is no path"
        raise Impossible(source.checkpoint, what, "give a run folder")
    found = list(checkpoints(run.path).values())
    remedy = "train with `checkpoint_every`"
    if len(found) < 3:
        several = "checkpoint" if len(found) == 1 else "checkpoints"
        what = f"it has {len(found)} {several}, and a plane through them takes three"
        raise Impossible(run.path, what, remedy)
    columns = Columns(found, [part.name for part in layout.parts])
    try:
        plane = path_plane(columns.slabs, centred)
    except ValueError:
        what = f"its {len(found)} checkpoints are all the same"
        raise Impossible(run.path, what, "training moved nothing: check its rate") from None
    if plane.collinear:
        raise Impossible(run.path, f"its {len(found)} checkpoints lie on one line", remedy)
    return plane, found


def _sharpest(centre: Centre, options: RenderOptions) -> Directions:
    """Eigenvectors of the Hessian on the data of the surface, in float64."""
    engine = options.engine if options.engine in ("cpu", "eager", "reference") else "auto"
    asked = SpectrumOptions(subset=options.subset, seed=options.seed, engine=engine)
    # mps has no float64.
    device = torch.device("cpu") if centre.device.type == "mps" else centre.device
    objective, _ = objective_of(centre.source, centre.checkpoint, asked, device)
    product = HessianProducts(objective, centre.source.checkpoint).of(False)
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
    """Differences to the weights of other runs (their newest) or checkpoints, which are marked."""
    paths = [open_run(path).newest if path.is_dir() else path for path in options.towards]
    vectors = []
    for path in paths:
        other = read_checkpoint(path)
        _check_same(other, checkpoint, path)
        vectors.append(layout.vector(other.tensors).double().numpy() - centre)
    record = {"towards": [str(path) for path in paths]}
    return Directions(np.stack(vectors), record, np.eye(len(paths)), paths)


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
        scaled = directions.normalise(of_part, weights, kind, part.stacked)
        drawn[:, place] = scaled.reshape(len(drawn), -1)


def check_options(source: Source, options: RenderOptions) -> None:
    """Raise Usage if options of convolutional networks were given for a dense one."""
    given = {"norms": options.norms, "statistics": options.statistics is not None}
    for name, used in given.items():
        if used and not source.convolutional:
            what = "a fully connected network has no norms, biases or batch statistics"
            raise Usage(name, what, "leave it out")
