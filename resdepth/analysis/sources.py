"""Which files the tables of an analysis were computed from."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from resdepth.analysis.curvefit import CurveFit
from resdepth.analysis.study import Study
from resdepth.runs.events import event_files
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.studies.record import NAME as PLAN


def curve_files(fits: Iterable[CurveFit]) -> Iterator[Path]:
    """The event files of the curves."""
    for curve in fits:
        yield from event_files(curve.file) if curve.file.is_dir() else [curve.file]


def study_files(study: Study) -> Iterator[Path]:
    """The plan, and the manifests, weights and event files of the runs."""
    if study.plan:
        yield study.folder / PLAN
    yield from filter(Path.is_file, (row.run / MANIFEST for row in study.cells))
    for one in study.experiments:
        yield from (file for path in one.models for file in path.files)
        yield from (file for group in one.decays for file in curve_files(group.fits))
