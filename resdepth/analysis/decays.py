"""Fits of many runs by depth: mean of each parameter over the seeds with its interval."""

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np

from resdepth.analysis.curvefit import CurveFit
from resdepth.analysis.pool import experiments, unfinished
from resdepth.errors import Missing
from resdepth.mathematics.interval import Array, Interval, mean_interval
from resdepth.runs.manifest import Manifest, read_manifest


@dataclass(frozen=True)
class DepthFits:
    """The fits of one depth; means are over those that are identified, NaN where none is.

    The intervals are 95 % by Student's t over the runs, not the standard errors of single fits.
    """

    depth: int
    fits: tuple[CurveFit, ...]
    identified: int
    C: Interval
    T0: Interval
    rho: Interval


def fits_by_depth(fits: Sequence[CurveFit]) -> tuple[DepthFits, ...]:
    """The fits by the depth of their runs, ascending; empty if they are not to be averaged.

    Warns why not, except if a file belongs to no run of a known depth. Runs that did not finish or
    repeat another are left out with a warning.
    """
    manifests = {curve.file: _manifest(curve.file) for curve in fits}
    runs = {file: manifest for file, manifest in manifests.items() if manifest is not None}
    if len(runs) < len(fits) or not all(_depth(manifest) for manifest in runs.values()):
        return ()
    if len(sets := experiments(runs)) > 1:
        warnings.warn(f"no means by depth: the runs differ in {'; '.join(sets)}", stacklevel=2)
        return ()
    counted = _counted(fits, runs)
    groups = []
    for depth in sorted({_depth(runs[curve.file]) for curve in counted}):
        group = tuple(curve for curve in counted if _depth(runs[curve.file]) == depth)
        sure = [curve.fit for curve in group if curve.fit.identified]
        means = [
            mean_interval(np.array([getattr(fit, name).value for fit in sure]))
            for name in ("C", "T0", "rho")
        ]
        groups.append(DepthFits(depth, group, len(sure), *means))
    if reason := _unaligned(groups):
        warnings.warn(f"no means by depth: {reason}", stacklevel=2)
        return ()
    return tuple(groups)


def _depth(manifest: Manifest) -> int:
    return int(manifest.options.get("depth", 0))


def _counted(fits: Sequence[CurveFit], runs: Mapping[Path, Manifest]) -> list[CurveFit]:
    """The fits of runs that finished and repeat no other; all if none is left."""
    seen: dict[tuple[int, int], Path] = {}
    counted, left_out = list[CurveFit](), list[str]()
    for curve in fits:
        manifest = runs[curve.file]
        why = unfinished(manifest)
        if not why:
            first = seen.setdefault((_depth(manifest), manifest.seed), curve.file)
            why = "" if first == curve.file else f"it repeats {first}, of the same depth and seed"
        if why:
            left_out.append(f"{curve.file}: left out of the means: {why}")
        else:
            counted.append(curve)
    for line in left_out if counted else ():
        warnings.warn(line, stacklevel=3)
    return counted or list(fits)


def _unaligned(groups: Sequence[DepthFits]) -> str:
    """Why curves cannot be averaged: the same t is not the same step, or no step is in common."""
    known: dict[int, tuple[float, Path]] = {}
    for curve in (curve for group in groups for curve in group.fits):
        steps = curve.t if curve.steps is None else curve.steps
        for step, t in zip(steps.tolist(), curve.t.tolist(), strict=True):
            first, other = known.setdefault(step, (t, curve.file))
            if first != t:
                return (
                    f"step {step} is t = {first:g} in {other} and t = {t:g} in {curve.file}, which "
                    "recorded different steps; --time step takes the steps for t"
                )
    for group in groups:
        if not len(common_points(group.fits)[0]):
            return f"the runs of depth {group.depth} have no recorded step in common"
    return ""


def common_points(fits: Sequence[CurveFit]) -> tuple[Array, Array]:
    """Times (points,) and values (runs, points) at the steps that all of the runs recorded."""
    places = [curve.t if curve.steps is None else curve.steps for curve in fits]
    shared = reduce(np.intersect1d, places)
    values = [curve.y[np.isin(place, shared)] for curve, place in zip(fits, places, strict=True)]
    return fits[0].t[np.isin(places[0], shared)], np.stack(values)


def _manifest(source: Path) -> Manifest | None:
    """That of the run that an event file or its folder belongs to."""
    folder = source if source.is_dir() else source.parent
    for place in (folder, folder.parent):
        with suppress(Missing):
            return read_manifest(place)
    return None
