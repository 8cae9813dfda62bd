"""A recorded scalar against C / (t + T0)^rho: one fit per event file."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from resdepth.errors import Corrupt, Impossible, Missing, ResdepthError, no_events, no_such
from resdepth.find_files import walk
from resdepth.mathematics import Array
from resdepth.mathematics.decay_fit import DecayFit, filter_curve, fit_decay
from resdepth.records import plain
from resdepth.runs.events import event_files, is_event_file, read_recording
from resdepth.runs.folder import EVENTS_OF_OLD

Steps = NDArray[np.int64]


@dataclass(frozen=True)
class Filters:
    """What is removed before the fit; 0 disables a filter.

    Times are `scaling_x` times 1..n, or with `time` "step" times the recorded steps.
    """

    window_size: int = 0
    filter_period: int = 0
    scaling_x: float = 1.0
    time: Literal["index", "step"] = "index"


@dataclass(frozen=True)
class CurveFit:
    """One file: all points (`t`, `y`), the filtered ones, the fit, and the step of each point."""

    file: Path
    tag: str
    t: Array
    y: Array
    filtered_t: Array
    filtered_y: Array
    fit: DecayFit
    steps: Steps | None = None

    @property
    def places(self) -> Array | Steps:
        """What points of several files have in common: their steps, or t if these are unknown."""
        return self.t if self.steps is None else self.steps


def event_sources(path: Path) -> Iterator[Path]:
    """Yield event files and folders with them in or under `path`, one per curve, else Missing."""
    if path.name == EVENTS_OF_OLD and not path.exists():
        path = path.parent  # Where the events of every run lie today.
    if not path.exists():
        raise no_such(path, "event file or folder")
    if path.is_file():
        yield path
        return
    folders = sorted({file.parent for file in walk(path, once=True) if is_event_file(file)})
    if not folders:
        raise no_events(path, "in or under it")
    yield from folders


def fit_file(path: Path, tag: str, filters: Filters, shift: float | None) -> CurveFit:
    """Filter and fit the scalar `tag` of one event source; `shift` is T0, None to infer it.

    Raises Impossible: no such scalar, or no finite value of it; or t + T0 is not positive at the
    first step, or hardly changes.
    """
    steps, y = read_recording(path).scalar(tag)
    if not np.isfinite(y).any():
        reason = f"none of the {len(y)} values of '{tag}' is finite"
        raise Impossible(path, reason, "`tag` names another scalar")
    t = filters.scaling_x * steps.astype(np.float64)
    if filters.time == "index":
        _warn_of_steps(path, steps, shift)
        t = filters.scaling_x * np.arange(1, len(y) + 1, dtype=np.float64)
    if shift is not None and len(t) and t[0] + shift <= 0:
        reason = f"t + T0 should be positive, but t begins at {t[0]:g} and T0 = {shift:g}"
        raise Impossible(path, reason, "a larger `shift`")
    filtered_t, filtered_y = filter_curve(t, y, filters.window_size, filters.filter_period)
    fit = fit_decay(filtered_t, filtered_y, shift)
    if shift is not None and fit.reason == "covariance singular":
        reason = f"T0 = {shift:g} is so large that t + T0 hardly changes along the {len(y)} points"
        raise Impossible(path, reason, "a smaller `shift`")
    return CurveFit(path, tag, t, y, filtered_t, filtered_y, fit, steps)


def _warn_of_steps(path: Path, steps: Steps, shift: float | None) -> None:
    """Warn if the number of a point is not its step up to a factor (the last may come early)."""
    gaps = np.diff(steps)
    if not len(gaps):
        return
    if np.any(gaps[:-1] != gaps[0]) or gaps[-1] > gaps[0]:
        apart = f"{gaps.min()} to {gaps.max()} apart"
        what = f"the steps are unevenly spaced ({apart}), but t counts the points"
    elif shift is not None and steps[0] > gaps[0]:
        what = f"the record begins at step {steps[0]}, which counts as t = 1"
    else:
        return
    warnings.warn(f"{path}: {what}; `time=step` uses the steps as t", stacklevel=2)


def fit_files(
    paths: Sequence[Path], tag: str, filters: Filters, shift: float | None
) -> tuple[CurveFit, ...]:
    """Return one fit for each event file or folder in or under `paths`.

    What cannot be fitted is left out with a warning if something else can.
    Raises Missing: one of the paths is not there; Impossible, Corrupt: nothing can be fitted.
    """
    sources: dict[Path, Path] = {}
    problems: list[ResdepthError] = []
    fits = []
    for path in paths:
        try:
            for source in event_sources(path):
                sources.setdefault(source.resolve(), source)
        except (Impossible, Missing) as error:
            problems.append(error)
    for source in sources.values():
        try:
            fits.append(fit_file(source, tag, filters, shift))
        except (Impossible, Missing, Corrupt) as error:
            problems.append(error)
    if not fits and len(problems) == 1:
        raise problems[0]
    if not fits:
        reason = f"none of {len(problems)} event sources can be fitted; the first: {problems[0]}"
        raise Impossible(paths[0], reason, problems[0].remedy)
    for problem in problems:
        warnings.warn(f"{problem}; left out", stacklevel=2)
    return tuple(fits)


def curve_files(fits: Iterable[CurveFit]) -> Iterator[Path]:
    """Yield the event files of the curves."""
    for curve in fits:
        yield from event_files(curve.file) if curve.file.is_dir() else [curve.file]


def fit_numbers(fits: Sequence[CurveFit], warned: Sequence[str] = ()) -> dict[str, Any]:
    """Return the fits as they are printed in JSON, with the warnings that were printed."""
    return {"fits": [plain(_row(curve)) for curve in fits], "warnings": list(warned)}


def _row(curve: CurveFit) -> dict[str, Any]:
    names = "C T0 rho r_squared residual_deviation points dropped identified reason"
    found = {name: getattr(curve.fit, name) for name in names.split()}
    return {"file": curve.file, "tag": curve.tag} | found
