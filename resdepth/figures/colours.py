"""Colours of unordered families: as many as are asked for, each far from all the others."""

from functools import cache
from itertools import product

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CATEGORIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""Okabe & Ito, "Color Universal Design" (2008), without the yellow, which is faint on white."""
LIGHTNESS = (20.0, 78.0)
"""Range of L* in which lines print well."""
D65 = (0.9505, 1.0, 1.089)
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))


def categories(count: int) -> list[str]:
    """The seven that all eyes tell apart, then each the farthest from those before (CIE L*a*b*)."""
    return list(_categories(max(count, len(CATEGORIES)))[:count])


@cache
def _categories(count: int) -> tuple[str, ...]:
    grid = np.array(list(product(np.linspace(0.0, 1.0, 12), repeat=3)))
    lab = _lab(grid)
    usable = (lab[:, 0] >= LIGHTNESS[0]) & (lab[:, 0] <= LIGHTNESS[1])
    grid, lab = grid[usable], lab[usable]
    chosen = list(CATEGORIES)
    taken = _lab(np.array([mpl.colors.to_rgb(colour) for colour in CATEGORIES]))
    nearest = np.linalg.norm(lab[:, None] - taken, axis=2).min(axis=1)
    while len(chosen) < count:
        best = int(nearest.argmax())
        chosen.append(str(mpl.colors.to_hex(grid[best])))
        nearest = np.minimum(nearest, np.linalg.norm(lab - lab[best], axis=1))
    return tuple(chosen)


def _lab(rgb: Array) -> Array:
    """CIE 1976 L*a*b* (n, 3) of sRGB colours (n, 3): distances are those of the eye, nearly."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    t = linear @ np.array(TO_XYZ).T / np.array(D65)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)
