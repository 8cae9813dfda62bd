"""Whether the order of the layers matters: a path against the same layers in random order."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from resdepth.mathematics import Array

Order = NDArray[np.intp]

ORDERS = 999
"""Random orders per test."""
FEWEST_RANDOM = 8
"""Depth from which orders are drawn; all orders of fewer layers are at most 5,040."""


@dataclass(frozen=True)
class LayerOrder:
    """Quadratic variation of a path, and the share of other orders with a smaller one.

    `statistic` is the sum of |A_{k+1} - A_k|^2, `null` (orders,) that of the other orders, and
    `p_value` one-sided: small if the path is smoother than its layers in random order. `exact`: all
    orders were compared, a path and its reversal counting once. `neighbours` is the correlation of
    A_k and A_{k+1} around the mean layer, `increments` that of successive increments, which is
    -1/2 for independent layers.
    """

    statistic: float
    p_value: float
    orders: int
    exact: bool
    neighbours: float
    increments: float
    null: Array

    @property
    def sentence(self) -> str:
        """The result in words."""
        among = f"{self.orders} {'other orders' if self.exact else 'permutations'}"
        smoother = int((self.null > self.statistic).sum())
        if self.p_value <= 0.05:
            every = "all" if smoother == self.orders else f"{smoother} of"
            return f"smoother than {every} {among} of the layers (p = {self.p_value:.3g})"
        return f"no sign of order: smoother than {smoother} of {among} (p = {self.p_value:.3g})"


def orders(depth: int, seed: int, count: int = ORDERS) -> Iterator[Order]:
    """Orders of `depth` layers other than the given one: all of them if few, else random ones."""
    if depth < FEWEST_RANDOM:
        every = (order for order in permutations(range(depth)) if order[0] < order[-1])
        yield from (np.array(order) for order in every if list(order) != list(range(depth)))
        return
    random = np.random.default_rng([seed, 1])
    for _ in range(count):
        yield random.permutation(depth)


def one_sided(own: Array | float, null: Array) -> Array:
    """(1 + number of `null` (orders, ...) that are not larger than `own` (...)) / (1 + orders)."""
    # Equal layers have equal sums up to rounding.
    close = (null <= own * (1 + 1e-9)).sum(0)
    return np.asarray((1 + close) / (1 + len(null)))


def combined(found: Sequence[LayerOrder]) -> LayerOrder:
    """Several paths as one: sums of the quadratic variations, means of the correlations."""
    if len(found) == 1:
        return found[0]
    count = min(one.orders for one in found)
    own = sum(one.statistic for one in found)
    null = np.sum([one.null[:count] for one in found], axis=0)
    return LayerOrder(
        statistic=own,
        p_value=float(one_sided(own, null)),
        orders=count,
        exact=all(one.exact for one in found),
        neighbours=float(np.mean([one.neighbours for one in found])),
        increments=float(np.mean([one.increments for one in found])),
        null=null,
    )


def order_of_distances(distances: Array, seed: int = 0, count: int = ORDERS) -> LayerOrder:
    """Compare the order of the layers with others, from their distances (L, L).

    For `count` random orders p = (1 + number not larger) / (1 + count). Raises ValueError: fewer
    than 3 layers.
    """
    squares = np.square(distances)
    rows = squares.mean(0)
    # Double centring: W. S. Torgerson, "Multidimensional scaling", Psychometrika 17 (1952).
    inner = 0.5 * (rows[1:] + rows[:-1] - np.diagonal(squares, 1) - squares.mean())
    sizes = rows - 0.5 * squares.mean()
    null = [squares[o[:-1], o[1:]].sum() for o in orders(len(squares), seed, count)]
    return _compared(np.diagonal(squares, 1), np.diagonal(squares, 2), sizes, inner, null)


def order_of_path(path: Array, seed: int = 0, count: int = ORDERS) -> LayerOrder:
    """The same from the layers (L, D) themselves, for paths too deep for a matrix (L, L)."""
    centred = path - path.mean(0)
    one, two = (_squares(centred[gap:] - centred[:-gap]) for gap in (1, 2))
    inner = np.einsum("ij,ij->i", centred[1:], centred[:-1])
    null = [_squares(np.diff(centred[o], axis=0)).sum() for o in orders(len(path), seed, count)]
    return _compared(one, two, _squares(centred), inner, null)


def _compared(
    steps: Array, double: Array, sizes: Array, inner: Array, sums: Sequence[float]
) -> LayerOrder:
    """The result, from squared distances at gaps 1 and 2, squared norms, and inner products."""
    depth, own, null = len(sizes), float(steps.sum()), np.array(sums)
    if depth < 3:
        raise ValueError("an order needs 3 layers")
    products = (double - steps[1:] - steps[:-1]) / 2
    return LayerOrder(
        statistic=own,
        p_value=float(one_sided(own, null)),
        orders=len(null),
        exact=depth < FEWEST_RANDOM,
        neighbours=_ratio(float(inner.mean()), float(sizes.mean())),
        increments=_ratio(float(products.mean()), own / (depth - 1)),
        null=null,
    )


def _squares(rows: Array) -> Array:
    found: Array = np.einsum("ij,ij->i", rows, rows)
    return found


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else math.nan
