"""Directions from trained weights, and the plane of a run's checkpoints."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import torch

from resdepth.engine.objective import Objective, Plane, surface
from resdepth.engine.vector import Layout
from resdepth.errors import Impossible, Usage
from resdepth.mathematics import Array, random_directions
from resdepth.mathematics.lanczos import extreme_eigenpairs
from resdepth.mathematics.plane import PathPlane, path_plane
from resdepth.options.landscape import RenderOptions
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing.objectives import Centre, Source, without_velocity
from resdepth.probing.products import HessianProducts
from resdepth.runs.checkpoint import check_like, checkpoints, read_checkpoint
from resdepth.runs.run import open_run
from resdepth.weights.loading import read_header
from resdepth.weights.tensor import Stored

SLAB = 2**26
"""Bytes of coordinates of all checkpoints that are in memory at once."""
FIRST_DOUBLING, LAST_DOUBLING = -10, 12
"""Powers of 2 between which an automatic span is searched, in lengths of the direction."""
RECIPES = {
    "random": random_directions.RECIPE,
    "pca": "principal components of the run's checkpoints seen from their mean, of norm 1; signs "
    "such that the first checkpoint lies on the positive side",
    "from last": "the same seen from the last checkpoint",
    "hessian": "eigenvectors of the largest eigenvalues of the Hessian at the centre, of norm 1, "
    "their largest entry positive",
    "runs": "from the centre to the other weights, which lie at 1",
}
"""How directions of each kind are made, as a result records it."""
Directions = tuple[Array, dict[str, Any], Sequence[Path]]
"""Directions (k, n), entries for the record of the surface, and the files they were read from."""


def directions_of(centre: Centre, options: RenderOptions) -> Directions:
    """The requested directions, scaled to the weights part by part.

    Raises Impossible if the run's checkpoints span no plane, Corrupt or Usage if the other weights
    are those of another network.
    """
    layout, weights = centre.objective.layout, centre.weights
    found: Directions
    if options.kind == "random":
        shape = (options.pairs * options.axes, len(weights))
        found = random_directions.draw(options.seed, shape[0], shape[1:]), {}, ()
    elif options.kind == "pca":
        plane, files = plane_of(centre.source, layout)
        found = plane.directions[: options.axes], {"explained": plane.explained}, files
    elif options.kind == "hessian":
        found = _sharpest(centre, options)
    else:
        found = _towards(centre, options)
    vectors = found[0]
    # Scaled in place.
    for part, place in layout.places():
        kind = options.normalisation
        if part.role != "weights":
            if options.kind == "random" and not options.norms:
                vectors[:, place] = 0.0
                continue
            # A vector is one filter: its entries have no norms of their own to keep.
            kind = "layer" if kind == "filter" else kind
        drawn = vectors[:, place].reshape(-1, *part.shape)
        own = weights[place].reshape(part.shape)
        scaled = random_directions.normalise(drawn, own, kind, part.stacked)
        vectors[:, place] = scaled.reshape(len(drawn), -1)
    return found


def _sharpest(centre: Centre, options: RenderOptions) -> Directions:
    """Eigenvectors of the Hessian on the data of the surface, in float64."""
    engine = options.engine if options.engine in ("cpu", "eager", "reference") else "auto"
    asked = SpectrumOptions(subset=options.subset, seed=options.seed, engine=engine)
    objective = centre.in_float64(asked)
    product = HessianProducts(objective, centre.source.checkpoint).of(False)
    pairs = extreme_eigenpairs(product, objective.layout.size, options.axes, seed=options.seed)
    vectors, values = pairs.vectors[: options.axes], pairs.values[: options.axes]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], axis=1)
    record = {"eigenvalues": values, "residuals": pairs.residuals, "search": pairs.search}
    return vectors * np.sign(largest), record, ()


def _towards(centre: Centre, options: RenderOptions) -> Directions:
    """Differences to the weights of other runs (their newest) or checkpoints, which are marked."""
    own, vectors = without_velocity(centre.checkpoint), []
    paths = [open_run(path).newest if path.is_dir() else path for path in options.towards]
    for path in paths:
        theirs = without_velocity(read_checkpoint(path))
        check_like(theirs, own.tensors, path)
        fixed = ("readin", "readout") if own.dense else ()
        if not all(torch.equal(own.tensors[name], theirs.tensors[name]) for name in fixed):
            what = "its fixed read-in differs, so the loss at its weights would not be its own loss"
            raise Usage(f"directions={path}", what, "train both with the same `seed`")
        vector = centre.objective.layout.vector(theirs.tensors)
        vectors.append(vector.double().numpy() - centre.weights)
    return np.stack(vectors), {"towards": [str(path) for path in paths]}, paths


def automatic_span(objective: Objective, plane: Plane, axis: int, options: RenderOptions) -> float:
    """The first of doubling spans at which the mean loss of all ends is `rise` times the centre's.

    If no span reaches it, as with saturating activations, the first halfway to the highest mean.
    """
    count = len(plane.directions)
    ends = np.repeat(np.eye(count)[axis :: options.axes], 2, axis=0)
    ends[1::2] *= -1.0

    def mean_loss(coordinates: Array) -> float:
        none_done = np.zeros(len(coordinates), dtype=bool)
        found = surface(objective, plane, coordinates, none_done, 1)
        return float(np.mean([values[0, 0] for _, values in found]))

    centre = mean_loss(np.zeros((1, count)))
    spans, losses = 2.0 ** np.arange(FIRST_DOUBLING, LAST_DOUBLING + 1), list[float]()
    for span in spans:
        losses.append(mean_loss(span * ends))
        # A loss that is not finite is high enough too.
        if not losses[-1] < options.rise * centre:
            return float(span)
    return float(spans[int(np.argmax(np.array(losses) >= (centre + max(losses)) / 2))])


def plane_of(source: Source, layout: Layout, centred: bool = True) -> tuple[PathPlane, list[Path]]:
    """The plane of all checkpoints of a run, and their files.

    Raises Impossible if fewer than three of them differ, or all lie on one line.
    """
    run, remedy = source.run, "train with `checkpoint_every`"
    if run is None:
        what = "it is not in a run folder, so there is no path"
        raise Impossible(source.checkpoint, what, "give a run folder")
    found = list(checkpoints(run.path).values())
    if len(found) < 3:
        several = "checkpoint" if len(found) == 1 else "checkpoints"
        what = f"it has {len(found)} {several}, but a plane needs three"
        raise Impossible(run.path, what, remedy)
    headers = map(read_header, found)
    rows = [[header[part.name] for part in layout.parts] for header in headers]
    try:
        plane = path_plane(lambda: slabs(rows), centred)
    except ValueError:
        what = f"its {len(found)} checkpoints are equal"
        remedy = "training did not change the weights: check the learning rate"
        raise Impossible(run.path, what, remedy) from None
    if plane.collinear:
        raise Impossible(run.path, f"its {len(found)} checkpoints lie on one line", remedy)
    return plane, found


def slabs(rows: Sequence[Sequence[Stored]]) -> Iterator[Array]:
    """The tensors of each checkpoint laid end to end, (checkpoints, numbers), some columns at once.

    A slab has at most `SLAB` bytes, or those of a single checkpoint.
    """
    sizes = [tensor.size for tensor in rows[0]]
    *firsts, whole = accumulate(sizes, initial=0)
    width = max(1, max(SLAB // 8, whole) // len(rows))
    for start in range(0, whole, width):
        places = zip(firsts, sizes, strict=True)
        cuts = [(max(start - at, 0), min(start + width - at, size)) for at, size in places]
        inside = [number for number, (low, high) in enumerate(cuts) if low < high]
        yield np.stack([np.concatenate([row[i].read(*cuts[i]) for i in inside]) for row in rows])
