"""The numbers that a drawn figure holds, read back from its artists."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection


def curves(axes: Axes) -> list[tuple[np.ndarray, np.ndarray]]:
    """Abscissae and ordinates of the lines with points, in the order they were drawn."""
    found = [drawn.get_data(orig=True) for drawn in axes.lines]
    return [(np.asarray(x, float), np.asarray(y, float)) for x, y in found if np.size(x) > 0]


def bands(axes: Axes) -> list[set[tuple[float, float]]]:
    """Corners of the filled areas."""
    areas = [c for c in axes.collections if isinstance(c, PolyCollection)]
    return [set(map(tuple, area.get_paths()[0].vertices.tolist())) for area in areas]


def bars(axes: Axes) -> list[np.ndarray]:
    """Error bars as (x, low, high), those of a call of `errorbar` together: (points, 3)."""
    found = [c.get_segments() for c in axes.collections if isinstance(c, LineCollection)]
    return [np.array([[low[0], low[1], high[1]] for low, high in parts]) for parts in found]


def corners(x: Any, low: Any, high: Any) -> set[tuple[float, float]]:
    """The corners of an area between two curves."""
    return {(float(a), float(b)) for edge in (low, high) for a, b in zip(x, edge, strict=True)}


def same(found: tuple[np.ndarray, np.ndarray], x: Any, y: Any) -> None:
    """Fail unless a curve is the one expected, to the last digit."""
    np.testing.assert_array_equal(found[0], x)
    np.testing.assert_array_equal(found[1], y)
