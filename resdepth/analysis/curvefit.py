"""A recorded scalar against C / (t + T0)^rho: event files in, one fit a file out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resdepth.errors import AnalysisImpossible, PathMissing
from resdepth.mathematics.decay import DecayFit, filter_curve, fit_decay
from resdepth.records import plain
from resdepth.runs.events import event_files, read_scalars

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Filters:
    """What is removed before the fit; 0 switches a filter off. Times are `scaling_x` times 1..n."""

    window_size: int = 0
    filter_period: int = 0
    scaling_x: float = 1.0


@dataclass(frozen=True)
class CurveFit:
    """One file: all points (`t`, `y`), the filtered ones, and the fit."""

    file: Path
    tag: str
    t: Array
    y: Array
    filtered_t: Array
    filtered_y: Array
    fit: DecayFit


def event_sources(path: Path) -> Iterator[Path]:
    """Event files and folders with event files in or under `path`, each of which is one curve.

    Raises
    ------
    PathMissing, AnalysisImpossible
        There is nothing, or no event file in it.
    """
    if not path.exists():
        raise PathMissing(path=path, kind="event file or folder")
    if path.is_file() or event_files(path):
        yield path
        return
    folders = sorted({file.parent for file in path.rglob("events.out.tfevents.*")})
    if not folders:
        remedy = "event files are named events.out.tfevents.*"
        raise AnalysisImpossible(path=path, reason="no event file in or under it", remedy=remedy)
    yield from folders


def read_curve(path: Path, tag: str) -> Array:
    """The values of one scalar in the order of their steps.

    Raises
    ------
    AnalysisImpossible
        The file has no such scalar; the message lists those that it has.
    """
    scalars = read_scalars(path)
    if tag not in scalars:
        known = ", ".join(sorted(scalars)) or "none"
        raise AnalysisImpossible(path=path, reason=f"no scalar '{tag}'", remedy=f"--tag: {known}")
    return scalars[tag][1]


def fit_file(path: Path, tag: str, filters: Filters, shift: float | None) -> CurveFit:
    """Filter and fit the scalar `tag` of one event source; `shift` is T0, None infers it."""
    y = read_curve(path, tag)
    all_t = filters.scaling_x * np.arange(1, len(y) + 1, dtype=np.float64)
    t, kept = filter_curve(all_t, y, filters.window_size, filters.filter_period)
    return CurveFit(path, tag, all_t, y, t, kept, fit_decay(t, kept, shift))


def fit_files(
    paths: Sequence[Path], tag: str, filters: Filters, shift: float | None
) -> tuple[CurveFit, ...]:
    """One fit for each event file or folder in or under `paths`."""
    sources = dict.fromkeys(source for path in paths for source in event_sources(path))
    return tuple(fit_file(source, tag, filters, shift) for source in sources)


def fit_numbers(fits: Sequence[CurveFit]) -> dict[str, Any]:
    """The table of the fits as `--json` prints it."""
    return {"fits": [plain(_row(curve)) for curve in fits]}


def _row(curve: CurveFit) -> dict[str, Any]:
    fit = curve.fit
    return {
        "file": curve.file,
        "tag": curve.tag,
        "C": fit.C,
        "T0": fit.T0,
        "rho": fit.rho,
        "r_squared": fit.r_squared,
        "residual_deviation": fit.residual_deviation,
        "points": fit.points,
        "dropped": fit.dropped,
        "identified": fit.identified,
        "reason": fit.reason,
    }
