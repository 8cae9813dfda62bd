"""Which files the tables of an analysis were computed from."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from resdepth.analysis.curvefit import CurveFit
from resdepth.analysis.measure import AnyModel
from resdepth.runs.events import event_files
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.weights.stored import StoredModel


def model_files(models: Iterable[AnyModel]) -> Iterator[Path]:
    """The files of the weights, and the manifests of their runs."""
    for model in models:
        yield model.path
        if isinstance(model, StoredModel):
            yield from (layer.file for layer in model.layers)
        if model.run is not None:
            yield model.run / MANIFEST


def curve_files(fits: Iterable[CurveFit]) -> Iterator[Path]:
    """The event files of the curves."""
    for curve in fits:
        yield from event_files(curve.file) if curve.file.is_dir() else [curve.file]
