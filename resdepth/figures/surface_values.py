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
PATH = style.CATEGORIES[1]  # the colour of a path
MOST = 1e300  # larger values overflow in the margins and ticks of an axis
STATISTICS = {"centre": "of the centre", "recalibrated": "recomputed at each point"}


@dataclass(frozen=True)
class Shown:
    """Values as drawn: everything inside [low, high]; `note` names the cells that were moved there.

    `pairs` (pairs, *grid) are those of each pair of directions; `log` asks for logarithms; `clip`
    is the requested upper bound; `above` and `below` count the cells that were moved.
    """

    surface: Surface
    quantity: Quantity
    log: bool
    clip: float | None
    pairs: Array
    low: float
    high: float
    above: int
    below: int
    note: str

    @property
    def values(self) -> Array:
        """The mean (*grid) over the pairs of directions."""
        found: Array = self.pairs.mean(axis=0)
        return found

    @property
    def centre(self) -> float | None:
        """The value at the trained weights, if it is known."""
        value = self.surface.record.get(f"centre_{self.quantity}")
        return None if value is None else float(value)

    @property
    def path(self) -> dict[str, Array] | None:
        """The trajectory of a surface of losses, if it has one."""
        return self.surface.trajectory if self.quantity == "loss" else None

    @property
    def best(self) -> tuple[str, tuple[int, ...], float]:
        """Name, cell and value of the smallest loss or the largest accuracy."""
        if self.quantity == "loss":
            place = self.surface.minimum()
            return "minimum", place, float(self.surface.losses[place])
        found = np.unravel_index(np.argmax(self.values), self.values.shape)
        return "maximum", tuple(map(int, found)), float(self.values[found])

    @property
    def labels(self) -> tuple[str, str, str]:
        """The names of the two axes and of what is drawn over them."""
        if not self.surface.record:
            return "row", "column", self.quantity
        first, second = map("${}$  ({})".format, "ab", along(self.surface))
        formula = r"A + a D_0 + b D_1" if self.surface.losses.ndim == 2 else r"A + a D_0"
        return first, second, rf"$\ell({formula})$" if self.quantity == "loss" else "accuracy"

    @property
    def conditions(self) -> str:
        """What a reader must know of a picture, in one line, which may be empty."""
        record = self.surface.record
        statistics = record.get("statistics")
        found = (
            f"batch statistics {STATISTICS[statistics]}" if statistics else "",
            f"{record['samples']} samples" if record.get("subset") else "",
            f"clipped: {self.note}" if self.note else "",
        )
        return "; ".join(filter(None, found))

    def heights(self, values: Any) -> Array:
        """Return values, such as those along a path, moved in the same way, as logarithms if so."""
        values = np.atleast_1d(np.asarray(values, dtype=np.float64))
        inside = np.clip(np.where(np.isnan(values), self.high, values), self.low, self.high)
        return np.log10(inside) if self.log else inside

    def write_conditions(self, axes: Axes) -> None:
        """Write the `conditions` above the axes."""
        if self.conditions:
            axes.set_title(self.conditions, fontsize=6, color="#606060")


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
    if not drawable.size:
        remedy = "render with a smaller `span`"
        raise Impossible(surface.path, f"no {quantity} within {MOST:g}", remedy)
    if not usable.size:
        raise Impossible(surface.path, f"no positive {quantity}", "leave `log` out")
    if clip is not None and usable.min() >= clip:
        raise Impossible(surface.path, f"no {quantity} below {clip:g}", "raise `clip`")
    low, high = float(usable.min()), float(usable.max() if clip is None else min(clip, MOST))
    above = ~(values <= high)
    below = (values < low) & ~above
    over = f"above {MOST:g}" if np.isfinite(values[above]).any() else "not finite"
    top = f"above {high:.4g}" if clip is not None else f"{over}, drawn as {high:.4g}"
    bottom = f"{'at or below 0' if log else f'below {-MOST:g}'}, drawn as {low:.3g}"
    moved = int(above.sum()), int(below.sum())
    words = zip(moved, (top, bottom), strict=True)
    note = "; ".join(f"{n} cell{'s' * (n > 1)} {place}" for n, place in words if n)
    pairs = np.where(above, high, np.where(below, low, values))
    return Shown(surface, quantity, log, clip, pairs, low, high, *moved, note)


def along(surface: Surface, subscript: str = "$D_{}$") -> tuple[str, str]:
    """Return what the two directions are, in words."""
    record = surface.record
    kind = record.get("kind", "random")
    if kind in ("trajectory", "pca"):
        first, second = (f"{100 * share:.3g} %" for share in record["explained"][:2])
        return f"1st principal direction, {first}", f"2nd, {second}"
    names = [f"along {subscript.format(number)}" for number in (0, 1)]
    if kind == "hessian":
        names = [f"eigenvalue {value:.3g}" for value in record["eigenvalues"]]
    elif kind == "runs":
        names = ["0: trained weights, 1: other"]
    first, second, *_ = names * 2
    return first, second
