"""Whether the order of the layers matters: weight paths against their layers in random order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from resdepth.analysis.measure import layer_norms, variation_norms
from resdepth.analysis.path_tables import about, curves_of
from resdepth.analysis.pool import seed_names, together
from resdepth.mathematics import Array
from resdepth.mathematics.layer_norms import Norm
from resdepth.mathematics.layer_order import (
    LayerOrder,
    Order,
    combined,
    one_sided,
    order_of_distances,
    order_of_path,
)
from resdepth.mathematics.pvariation import p_variation_norms, p_variation_norms_from_distances
from resdepth.options.resolve import from_record
from resdepth.options.train import TrainOptions, WeightsOfRun
from resdepth.runs.manifest import NAME, read_manifest
from resdepth.training.networks import initial_blocks
from resdepth.weights.weight_path import WeightPath

DEEPEST_MATRIX = 4096
"""Paths in memory up to this depth are compared by their distances (L, L)."""
FEW_POINTS = 512  # Up to here p-variation is faster from distances, beyond it from points.
DRAWN = 39  # The smallest and the largest of 39 values bound 95 % of all others.


@dataclass(frozen=True)
class OrderTable:
    """Whether the order of the layers matters, path by path and for the deepest ones together.

    `statistic` is the sum over the seeds of the deepest depth, `p_value` that of this sum.
    """

    statistic: float
    p_value: float
    orders: int
    sentence: str
    paths: tuple[tuple[int, int | str, LayerOrder], ...]


@dataclass(frozen=True)
class RelativeToNull:
    """A number divided by its mean over random orders, and the share of orders not larger."""

    ratio: float
    p_value: float


@dataclass(frozen=True)
class PathOrder:
    """One path: its quadratic variation against `orders` orders, V1 and P2 norms against `DRAWN`.

    `neighbours` and `increments` are the correlations of `LayerOrder`.
    """

    family: str
    depth: int
    seed: int | str
    file: Path
    quadratic_variation: RelativeToNull
    orders: int
    exact: bool
    V1: RelativeToNull
    P2: RelativeToNull
    neighbours: float
    increments: float


@dataclass(frozen=True)
class NullBand:
    """A mean curve over the runs: smallest, mean and largest of `DRAWN` random orders.

    `initial` is the curve of the initial weights, None if they are unknown.
    """

    low: Array
    mean: Array
    high: Array
    initial: Array | None


@dataclass(frozen=True)
class CurveOrder:
    """The paths of one curve: the test in words, and bands of its norms; none below 3 layers."""

    family: str
    depth: int
    files: tuple[Path, ...]
    sentence: str = ""
    norm: NullBand | None = None
    p_variation_norm: NullBand | None = None


@dataclass(frozen=True)
class NullTable:
    """All paths and curves of a figure against `orders` random orders of their layers."""

    orders: int
    paths: tuple[PathOrder, ...]
    curves: tuple[CurveOrder, ...]


def layer_order(model: WeightPath, seed: int = 0) -> LayerOrder | None:
    """Compare the order of the layers with random ones; None for fewer than 3 layers."""
    if model.depth < 3:
        return None
    if model.way == "path" and model.depth > DEEPEST_MATRIX:
        return order_of_path(model.blocks.reshape(model.depth, -1), seed)
    return order_of_distances(model.distances, seed)


def order_table(models: Sequence[WeightPath], names: Sequence[int | str]) -> OrderTable | None:
    """Test the order of the layers of every path; None if all have fewer than 3 layers."""
    found = []
    for place, (name, model) in enumerate(zip(names, models, strict=True)):
        if one := layer_order(model, place):
            found.append((model.depth, name, one))
    if not found:
        return None
    deepest = max(depth for depth, _, _ in found)
    last = [one for depth, _, one in found if depth == deepest]
    one = combined(last)
    return OrderTable(one.statistic, one.p_value, one.orders, _sentence(last), tuple(found))


def _sentence(found: Sequence[LayerOrder]) -> str:
    together = f"{len(found)} seeds together: " if len(found) > 1 else ""
    return together + combined(found).sentence


def null_table(
    paths: Sequence[WeightPath],
    beta: float,
    exponents: Sequence[float] = (),
    norms: Sequence[Array] | None = None,
    kind: Norm = "frobenius",
    size: Sequence[int] = (),
) -> NullTable:
    """Compare p-variation norms and `norms` of each curve with those of random orders.

    `norms` is the result of `norms_along` with `kind` and `size`. The runs of a depth are permuted
    independently of one another and averaged as in the figure.
    """
    paths = together(paths)
    places, names = {path: place for place, path in enumerate(paths)}, seed_names(paths)
    rows, curves = list[PathOrder](), list[CurveOrder]()
    for number, group in enumerate(curves_of(paths)):
        seeds, tests = [places[path] for path in group], list[LayerOrder]()
        if group[0].depth < 3:
            curves.append(CurveOrder(**about(group)))
            continue
        orders = [_orders(path.depth, seed) for path, seed in zip(group, seeds, strict=True)]
        measured = []
        for path, seed, order in zip(group, seeds, orders, strict=True):
            if test := layer_order(path, seed):
                values = permuted_norms(path, beta, [1.0, 2.0, *exponents], order)
                rows.append(_path_order(path, names[seed], test, values))
                tests.append(test)
                measured.append(values[:, 2:])
        start, along, varying = initial_paths(group), None, None
        if norms is not None:
            taken = [own[order] for own, order in zip(norms[number], orders, strict=True)]
            begun = [path.scaled(layer_norms(path, kind, size), beta) for path in start]
            along = _band(taken, begun)
        if exponents:
            varying = _band(measured, [variation_norms(path, beta, exponents) for path in start])
        shown = about(group) | {"sentence": _sentence(tests)}
        curves.append(CurveOrder(**shown, norm=along, p_variation_norm=varying))
    return NullTable(DRAWN, tuple(rows), tuple(curves))


def _orders(depth: int, seed: int) -> Order:
    """The given order, then `DRAWN` random ones: (1 + DRAWN, depth)."""
    random = np.random.default_rng([seed, 2])
    drawn = [random.permutation(depth) for _ in range(DRAWN)]
    return np.stack([np.arange(depth), *drawn])


def permuted_norms(
    path: WeightPath, beta: float, exponents: Sequence[float], orders: Order
) -> Array:
    """p-variation norms of k -> L^beta A_k with its layers in each of `orders` (n, L): (n, p)."""
    if _by_points(path):
        points = path.blocks.reshape(path.depth, -1)
        found = [p_variation_norms(points[order], exponents) for order in orders]
    else:
        distances = path.distances
        found = [
            p_variation_norms_from_distances(distances[np.ix_(order, order)], exponents)
            for order in orders
        ]
    return path.scaled(np.stack(found), beta)


def _by_points(path: WeightPath) -> bool:
    return path.way == "path" and path.depth > FEW_POINTS


def null_seconds(paths: Sequence[WeightPath], exponents: int) -> float:
    """Estimate how long `null_table` takes, from measurements on one core."""
    sizes = [prod(path.shape) if _by_points(path) else path.depth for path in paths]
    numbers = sum(path.depth * size for path, size in zip(paths, sizes, strict=True))
    return (1 + DRAWN) * numbers * (1e-7 + 5e-9 * exponents)


def _path_order(path: WeightPath, seed: int | str, test: LayerOrder, values: Array) -> PathOrder:
    """One row; `values` are V1 and P2 norms, first of the given order, then of random ones."""
    shares = one_sided(values[0], values[1:])
    V1, P2 = (_relative(values[0, i], values[1:, i], shares[i]) for i in (0, 1))
    return PathOrder(
        family=path.label,
        depth=path.depth,
        seed=seed,
        file=path.source,
        quadratic_variation=_relative(test.statistic, test.null, test.p_value),
        orders=test.orders,
        exact=test.exact,
        V1=V1,
        P2=P2,
        neighbours=test.neighbours,
        increments=test.increments,
    )


def _relative(own: Any, null: Array, p_value: Any) -> RelativeToNull:
    mean = float(null.mean())
    return RelativeToNull(float(own) / mean if mean > 0 else float("nan"), float(p_value))


def _band(values: Sequence[Array], initial: Sequence[Array]) -> NullBand:
    """The band of means over runs; `values` (orders, points) of each run, the given order first."""
    null = np.mean(values, axis=0)[1:]
    begun = np.mean(initial, axis=0) if len(initial) else None
    return NullBand(null.min(0), null.mean(0), null.max(0), begun)


def initial_paths(paths: Sequence[WeightPath]) -> list[WeightPath]:
    """The paths before training, drawn again from the options of their runs.

    None if one of the paths has no run, a run of another depth or width, or one that started from
    another run.
    """
    found = []
    for path in paths:
        if path.run is None or not path.own:
            return []
        options = from_record(TrainOptions, read_manifest(path.run).options, path.run / NAME)
        if isinstance(options.init, WeightsOfRun):
            return []
        layers = initial_blocks(options.network, options.init, options.seed)
        found += [replace(path, layers=layers)] if layers.shape == path.blocks.shape else []
    return found if len(found) == len(paths) else []
