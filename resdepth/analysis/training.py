"""Scalars of several runs side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resdepth.errors import Impossible
from resdepth.runs.events import read_scalars

VARIATION = "p_variation_norm/"
"""Tags of p-variation norms, before the exponent."""


@dataclass(frozen=True)
class TrainingCurve:
    """One scalar of one run: values (n,) at update counts `step` (n,)."""

    step: NDArray[np.int64]
    value: NDArray[np.float64]


@dataclass(frozen=True)
class RunCurves:
    """Loss and p-variation norms of a run, the norms by exponent p, largest first."""

    run: Path
    loss: TrainingCurve
    variation: dict[float, TrainingCurve]


def training_curves(runs: Sequence[Path]) -> tuple[RunCurves, ...]:
    """Loss and logged p-variation norms of each run folder.

    Raises
    ------
    Impossible
        A run logged no loss.
    """
    return tuple(_curves(run) for run in runs)


def _curves(run: Path) -> RunCurves:
    scalars = {tag: TrainingCurve(*series) for tag, series in read_scalars(run).items()}
    if "loss" not in scalars:
        remedy = "give run folders that 'resdepth train' wrote"
        raise Impossible(run, "no scalar 'loss' was recorded", remedy)
    norms = {
        float(t.removeprefix(VARIATION)): c for t, c in scalars.items() if t.startswith(VARIATION)
    }
    return RunCurves(run, scalars["loss"], dict(sorted(norms.items(), reverse=True)))
