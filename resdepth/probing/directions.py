"""Directions from trained weights in which a loss surface is evaluated."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from resdepth.errors import Usage
from resdepth.mathematics import Array, random_directions
from resdepth.mathematics.lanczos import extreme_eigenpairs
from resdepth.options.landscape import RenderOptions
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing.checkpoint_plane import RECIPE, plane_of
from resdepth.probing.objectives import Centre, without_velocity
from resdepth.probing.products import HessianProducts
from resdepth.runs.checkpoint import check_like, read_checkpoint
from resdepth.runs.run import open_run

RECIPES = {
    "random": random_directions.RECIPE,
    "pca": RECIPE,
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
