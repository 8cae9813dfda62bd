"""A recorded scalar against C / (t + T0)^rho: one fit per event file, and means by depth."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from resdepth.analysis.pool import experiments, unfinished
from resdepth.errors import Corrupt, Impossible, Missing, ResdepthError, no_events, no_such
from resdepth.find_files import walk
from resdepth.mathematics import Array
from resdepth.mathematics.decay_fit import DecayFit, filter_curve, fit_decay
from resdepth.mathematics.interval import Interval, mean_interval
from resdepth.runs.events import event_files, is_event_file, read_recording
from resdepth.runs.folder import EVENTS_OF_OLD
from resdepth.runs.manifest import Manifest, read_manifest

Steps = NDArray[np.int64]
FITTED = ("C", "T0", "rho")


@dataclass(frozen=True)
class Filters:
    """What is removed before the fit; 0 disables a filter."""

    window_size: int = 0
    filter_period: int = 0
    scaling_x: float = 1.0  # by which times are multiplied: 1..n, or the recorded steps
    time: Literal["index", "step"] = "index"


@dataclass(frozen=True)
class CurveFit:
    """One file: the step of each point, all points (`t`, `y`), the filtered ones, and the fit."""

    file: Path
    tag: str
    steps: Steps
    t: Array
    y: Array
    filtered_t: Array
    filtered_y: Array
    fit: DecayFit


@dataclass(frozen=True)
class DepthFits:
    """The fits of one depth; means of the identified ones, with 95 % intervals over the runs."""

    depth: int
    fits: tuple[CurveFit, ...]
    identified: int
    C: Interval
    T0: Interval
    rho: Interval


def event_sources(path: Path) -> list[Path]:
    """The event files and folders with them in or under `path`, one per curve, else Missing."""
    if path.name == EVENTS_OF_OLD and not path.exists():
        path = path.parent  # Where the events of every run lie today.
    if not path.exists():
        raise no_such(path, "event file or folder")
    if path.is_file():
        return [path]
    folders = sorted({file.parent for file in walk(path, once=True) if is_event_file(file)})
    if not folders:
        raise no_events(path, "in or under it")
    return folders


def fit_file(path: Path, tag: str, filters: Filters, shift: float | None) -> CurveFit:
    """Filter and fit the scalar `tag` of one event source; `shift` is T0, None to infer it.

    Impossible: no finite value, or t + T0 is not positive at the first step, or hardly changes.
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
    return CurveFit(path, tag, steps, t, y, filtered_t, filtered_y, fit)


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
    """Fit each event file or folder in or under `paths`; warn of those that cannot be fitted.

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
    numbers = "r_squared", "residual_deviation", "points", "dropped", "identified", "reason"
    names = *FITTED, *numbers
    rows = [
        {"file": curve.file, "tag": curve.tag} | {name: getattr(curve.fit, name) for name in names}
        for curve in fits
    ]
    return {"fits": rows, "warnings": list(warned)}


def fits_by_depth(fits: Sequence[CurveFit]) -> tuple[DepthFits, ...]:
    """Return the fits by the depth of their runs, ascending; empty if they cannot be averaged.

    Warns why not, if all belong to runs, and of runs that are left out: unfinished, or repetitions.
    """
    runs = {curve.file: found for curve in fits if (found := _manifest(curve.file))}
    if len(runs) < len(fits) or not all(map(_depth, runs.values())):
        return ()
    if len(sets := experiments(runs)) > 1:
        warnings.warn(f"no means by depth: the runs differ in {'; '.join(sets)}", stacklevel=2)
        return ()
    counted = _counted(fits, runs)
    groups = []
    for depth in sorted({_depth(runs[curve.file]) for curve in counted}):
        group = tuple(curve for curve in counted if _depth(runs[curve.file]) == depth)
        sure = [curve.fit for curve in group if curve.fit.identified]
        means = [mean_interval(np.array([getattr(f, n).value for f in sure])) for n in FITTED]
        groups.append(DepthFits(depth, group, len(sure), *means))
    if reason := _unaligned(groups):
        warnings.warn(f"no means by depth: {reason}", stacklevel=2)
        return ()
    return tuple(groups)


def depth_numbers(group: DepthFits) -> dict[str, Any]:
    """Return the means as they are printed in JSON."""
    return {name: getattr(group, name) for name in ("depth", "identified", *FITTED)}


def common_points(fits: Sequence[CurveFit]) -> tuple[Array, Array]:
    """Return times (points,) and values (runs, points) at the steps that all runs recorded."""
    shared = reduce(np.intersect1d, (curve.steps for curve in fits))
    values = [curve.y[np.isin(curve.steps, shared)] for curve in fits]
    return fits[0].t[np.isin(fits[0].steps, shared)], np.stack(values)


def _manifest(source: Path) -> Manifest | None:
    """The manifest of the run that an event file or its folder belongs to."""
    folder = source if source.is_dir() else source.parent
    for place in (folder, folder.parent):
        with suppress(Missing):
            return read_manifest(place)
    return None


def _depth(manifest: Manifest) -> int:
    return int(manifest.options.get("depth", 0))


def _counted(fits: Sequence[CurveFit], runs: Mapping[Path, Manifest]) -> Sequence[CurveFit]:
    """The fits of runs that finished and repeat no other; all if none is left."""
    firsts: dict[tuple[int, int], Path] = {}
    whys = dict[Path, str]()
    for file, manifest in runs.items():
        whys[file] = unfinished(manifest)
        key = _depth(manifest), manifest.seed
        if not whys[file] and (first := firsts.setdefault(key, file)) != file:
            whys[file] = f"it repeats {first}, of the same depth and seed"
    if all(whys.values()):
        return fits
    for file, why in whys.items():
        if why:
            warnings.warn(f"{file}: left out of the means: {why}", stacklevel=3)
    return [curve for curve in fits if not whys[curve.file]]


def _unaligned(groups: Sequence[DepthFits]) -> str:
    """Why curves cannot be averaged: the same t is another step, or no step is in common."""
    known: dict[int, tuple[float, Path]] = {}
    for curve in (curve for group in groups for curve in group.fits):
        for step, t in zip(curve.steps.tolist(), curve.t.tolist(), strict=True):
            first, other = known.setdefault(step, (t, curve.file))
            if first != t:
                return (
                    f"step {step} is t = {first:g} in {other} and t = {t:g} in {curve.file}, which "
                    "recorded different steps; `time=step` uses the steps as t"
                )
    for group in groups:
        if not len(common_points(group.fits)[0]):
            return f"the runs of depth {group.depth} have no recorded step in common"
    return ""
