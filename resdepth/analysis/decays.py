"""Fits of many runs by depth: mean of each parameter over the seeds with its interval."""

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from resdepth.analysis.fits import CurveFit
from resdepth.analysis.pool import experiments, unfinished
from resdepth.errors import Missing
from resdepth.mathematics import Array
from resdepth.mathematics.interval import Interval, mean_interval
from resdepth.runs.manifest import Manifest, read_manifest

FITTED = ("C", "T0", "rho")


@dataclass(frozen=True)
class DepthFits:
    """The fits of one depth; means of the identified ones, with 95 % intervals over the runs."""

    depth: int
    fits: tuple[CurveFit, ...]
    identified: int
    C: Interval
    T0: Interval
    rho: Interval


def fits_by_depth(fits: Sequence[CurveFit]) -> tuple[DepthFits, ...]:
    """Return the fits by the depth of their runs, ascending; empty if they cannot be averaged.

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
    shared = reduce(np.intersect1d, (curve.places for curve in fits))
    values = [curve.y[np.isin(curve.places, shared)] for curve in fits]
    return fits[0].t[np.isin(fits[0].places, shared)], np.stack(values)


def _depth(manifest: Manifest) -> int:
    return int(manifest.options.get("depth", 0))


def _counted(fits: Sequence[CurveFit], runs: Mapping[Path, Manifest]) -> list[CurveFit]:
    """The fits of runs that finished and repeat no other; all if none is left."""
    firsts: dict[tuple[int, int], Path] = {}
    whys = dict[Path, str]()
    for file, manifest in runs.items():
        whys[file] = unfinished(manifest)
        key = _depth(manifest), manifest.seed
        if not whys[file] and (first := firsts.setdefault(key, file)) != file:
            whys[file] = f"it repeats {first}, of the same depth and seed"
    counted = [curve for curve in fits if not whys[curve.file]]
    for file, why in whys.items() if counted else ():
        if why:
            warnings.warn(f"{file}: left out of the means: {why}", stacklevel=3)
    return counted or list(fits)


def _unaligned(groups: Sequence[DepthFits]) -> str:
    """Why curves cannot be averaged: the same t is another step, or no step is in common."""
    known: dict[int, tuple[float, Path]] = {}
    for curve in (curve for group in groups for curve in group.fits):
        for step, t in zip(curve.places.tolist(), curve.t.tolist(), strict=True):
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


def _manifest(source: Path) -> Manifest | None:
    """The manifest of the run that an event file or its folder belongs to."""
    folder = source if source.is_dir() else source.parent
    for place in (folder, folder.parent):
        with suppress(Missing):
            return read_manifest(place)
    return None
