"""Fits of many runs by depth: mean of each parameter over the seeds with its interval."""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from resdepth.analysis.curvefit import CurveFit
from resdepth.analysis.pool import experiments
from resdepth.errors import NotARun
from resdepth.mathematics.interval import Interval, mean_interval
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
    """The fits by the depth of their runs, ascending; empty where a file belongs to no run.

    Warns where the runs differ in more than seed and depth.
    """
    manifests = {curve.file: _manifest(curve.file) for curve in fits}
    runs = {file: manifest for file, manifest in manifests.items() if manifest is not None}
    known = [int(runs[c.file].options.get("depth", 0)) for c in fits if c.file in runs]
    if len(known) < len(fits) or not all(known):
        return ()
    if len(sets := experiments(runs)) > 1:
        warnings.warn(f"means by depth are over runs of {'; '.join(sets)}", stacklevel=2)
    groups = []
    for depth in sorted(set(known)):
        group = tuple(curve for curve, own in zip(fits, known, strict=True) if own == depth)
        sure = [curve.fit for curve in group if curve.fit.identified]
        means = [
            mean_interval(np.array([getattr(fit, name).value for fit in sure]))
            for name in ("C", "T0", "rho")
        ]
        groups.append(DepthFits(depth, group, len(sure), *means))
    return tuple(groups)


def _manifest(source: Path) -> Manifest | None:
    """That of the run that an event file or its folder belongs to."""
    folder = source if source.is_dir() else source.parent
    for place in (folder, folder.parent):
        with suppress(NotARun):
            return read_manifest(place)
    return None
