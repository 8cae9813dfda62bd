"""What a picture of a loss surface shows: which values, which words, which marks."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes

from resdepth.errors import Impossible
from resdepth.figures import style
from resdepth.mathematics import Array
from resdepth.runs.surface import Surface

Quantity = Literal["loss", "accuracy"]
COLOURS = "viridis"
PATH = style.CATEGORIES[1]
"""The colour of a path."""
MOST = 1e300
"""Larger values overflow in the margins and ticks of an axis."""


@dataclass(frozen=True)
class Shown:
    """Values as drawn: everything inside [low, high], and how many cells were moved there.

    `pairs` (pairs, *grid) are those of each pair of directions; `log` asks for logarithms.
    """

    surface: Surface
    quantity: Quantity
    log: bool
    pairs: Array
    low: float
    high: float
    above: int
    below: int
    clipped: bool
    over: str = "not finite"
    under: str = "at or below 0"

    @property
    def values(self) -> Array:
        """The mean (*grid) over the pairs of directions."""
        found: Array = self.pairs.mean(axis=0)
        return found

    @property
    def note(self) -> str:
        """Which cells were moved, in words; empty if none was."""
        top = f"above {self.high:.4g}" if self.clipped else f"{self.over}, drawn as {self.high:.4g}"
        cells = [(self.above, top), (self.below, f"{self.under}, drawn as {self.low:.3g}")]
        return "; ".join(f"{n} cell{'s' * (n > 1)} {place}" for n, place in cells if n)

    @property
    def centre(self) -> float | None:
        """The value at the trained weights, if it is known."""
        value = self.surface.record.get(f"centre_{self.quantity}")
        return None if value is None else float(value)

    @property
    def path(self) -> dict[str, Array] | None:
        """The trajectory of a surface of losses, if it has one."""
        return self.surface.trajectory if self.quantity == "loss" else None

    def heights(self, values: Any) -> Array:
        """Return values, such as those along a path, moved in the same way, as logarithms if so."""
        values = np.atleast_1d(np.asarray(values, dtype=np.float64))
        inside = np.clip(np.where(np.isnan(values), self.high, values), self.low, self.high)
        return np.log10(inside) if self.log else inside


def saturate(surface: Surface, clip: float | None, log: bool, quantity: Quantity = "loss") -> Shown:
    """Return the values that can be drawn: at most `clip`, within `MOST`, positive if `log`.

    What is not finite counts as above. `clip` defaults to the largest value that can be drawn.
    Raises Impossible: no value lies below it, or none is positive if `log`, or there are none.
    """
    values = surface.pairs if quantity == "loss" else surface.accuracies
    if values is None and quantity == "accuracy":
        remedy = "render it again from a classification"
        raise Impossible(surface.path, "has no accuracies", remedy)
    values = surface.losses[None] if values is None else values
    drawable = values[np.abs(values) <= MOST]
    usable = drawable[drawable > 0] if log else drawable
    if not usable.size or (clip is not None and usable.min() >= clip):
        reason = f"no {quantity} below {clip:g}" if usable.size else f"no positive {quantity}"
        remedy = "raise `clip`" if usable.size else "leave `log` out"
        if not drawable.size:
            reason, remedy = f"no {quantity} within {MOST:g}", "render with a smaller `span`"
        raise Impossible(surface.path, reason, remedy)
    low, high = float(usable.min()), float(usable.max() if clip is None else min(clip, MOST))
    above = ~(values <= high)
    below = (values < low) & ~above
    over = f"above {MOST:g}" if np.isfinite(values[above]).any() else "not finite"
    moved = int(above.sum()), int(below.sum())
    names = over if clip is None else "", "at or below 0" if log else f"below {-MOST:g}"
    pairs = np.where(above, high, np.where(below, low, values))
    return Shown(surface, quantity, log, pairs, low, high, *moved, clip is not None, *names)


def labels(shown: Shown) -> tuple[str, str, str]:
    """Return the names of the two axes and of what is drawn over them."""
    surface = shown.surface
    if not surface.record:
        return "row", "column", shown.quantity
    first, second = (f"${n}$  ({words})" for n, words in zip("ab", along(surface), strict=True))
    formula = r"A + a D_0 + b D_1" if surface.losses.ndim == 2 else r"A + a D_0"
    return first, second, rf"$\ell({formula})$" if shown.quantity == "loss" else "accuracy"


def along(surface: Surface, subscript: str = "$D_{}$") -> tuple[str, str]:
    """Return what the two directions are, in words."""
    record = surface.record
    kind = record.get("kind", "random")
    if kind in ("trajectory", "pca"):
        shares = [f"{100 * share:.3g} %" for share in record["explained"]]
        return f"1st principal direction, {shares[0]}", f"2nd, {shares[1]}"
    names = [f"along {subscript.format(number)}" for number in (0, 1)]
    if kind == "hessian":
        names = [f"eigenvalue {value:.3g}" for value in record["eigenvalues"]]
    elif kind == "runs":
        names = ["0: trained weights, 1: other" for _ in record["towards"]]
    names += names[:1]
    return names[0], names[1]


def conditions(shown: Shown) -> str:
    """Return what a reader must know of a picture, in one line, which may be empty."""
    record = shown.surface.record
    whose = {"centre": "of the centre", "recalibrated": "recomputed at each point"}
    statistics = record.get("statistics")
    found = (
        f"batch statistics {whose[statistics]}" if statistics else "",
        f"{record['samples']} samples" if record.get("subset") else "",
        f"clipped: {shown.note}" if shown.note else "",
    )
    return "; ".join(filter(None, found))


def note(axes: Axes, shown: Shown) -> None:
    """Write the `conditions` above the axes."""
    if text := conditions(shown):
        axes.set_title(text, fontsize=6, color="#606060")


def best(shown: Shown) -> tuple[str, tuple[int, ...], float]:
    """Return name, cell and value of the smallest loss or the largest accuracy."""
    surface = shown.surface
    if shown.quantity == "loss":
        place = surface.minimum()
        return "minimum", place, float(surface.losses[place])
    place = tuple(int(i) for i in np.unravel_index(np.argmax(shown.values), shown.values.shape))
    return "maximum", place, float(shown.values[place])
