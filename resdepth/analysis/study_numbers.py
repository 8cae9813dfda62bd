"""A study as a record: what its report's .json and .csv hold."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from resdepth.analysis.cells import by_depth
from resdepth.analysis.next_steps import next_steps
from resdepth.analysis.rates import RateTable
from resdepth.analysis.scaling import scaling_numbers
from resdepth.analysis.study import Experiment, Study
from resdepth.mathematics.statistics import STATISTICS
from resdepth.records import plain

FITTED = ("C", "T0", "rho")


def study_numbers(study: Study) -> dict[str, Any]:
    """The study as its report's .json has it; "scaling" is that of the first experiment."""
    numbers = [_experiment(one) for one in study.experiments]
    return {
        "study": study.folder,
        "scaling": numbers[0]["scaling"],
        "experiments": numbers,
        "rates": [curve for table in study.rates for curve in _curves(table)],
        "next": [{"purpose": what, "command": command} for what, command in next_steps(study)],
        "cells": study.cells,
        "command": study.command,
        "versions": study.versions,
        "platform": study.platform,
    }


def _curves(table: RateTable) -> Iterator[dict[str, Any]]:
    for curve in table.curves:
        found = {"best": curve.best, "at_the_end": curve.at_the_end}
        yield {"experiment": table.label, **asdict(curve), **found}


def _experiment(one: Experiment) -> dict[str, Any]:
    names = ("depth", "identified", *FITTED)
    return {
        "label": one.label,
        "beta": one.beta,
        "cautions": one.cautions,
        "depths": by_depth(one.cells),
        "scaling": None if one.scaling is None else scaling_numbers(one.scaling),
        "doubling": one.doubling,
        "omega": [
            {name: getattr(group, name) for name in names} | {"fits": len(group.fits)}
            for group in one.decays
        ],
        "curvature": one.curvature,
    }


def study_csv(study: Study) -> str:
    """A line a cell: what it was, how it ended, and what was found of those that count."""
    fields = list(asdict(study.cells[0]))
    fitted = [f"omega_{name}" for name in FITTED]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [*fields, *STATISTICS, *fitted], lineterminator="\n")
    writer.writeheader()
    for one in study.experiments:
        statistics, fits = _statistics(one), _fits(one)
        for row in one.cells:
            known = {} if row.why else statistics.get((row.depth, row.seed), {})
            own = {} if row.why else fits.get(str(row.run), {})
            found = {name: known.get(name) for name in STATISTICS} | dict.fromkeys(fitted) | own
            writer.writerow(plain(asdict(row) | found))
    return stream.getvalue()


def _statistics(one: Experiment) -> dict[tuple[int, int | str], Mapping[str, Any]]:
    cells = () if one.scaling is None else one.scaling.cells
    return {(cell.statistics.depth, cell.seed): asdict(cell.statistics) for cell in cells}


def _fits(one: Experiment) -> dict[str, dict[str, float]]:
    """The fits that are identified, by the folder of the run."""
    return {
        str(curve.file): {f"omega_{name}": getattr(curve.fit, name).value for name in FITTED}
        for group in one.decays
        for curve in group.fits
        if curve.fit.identified
    }
