"""The report as records: what its .json and .csv hold."""

import csv
import io
from dataclasses import asdict
from typing import Any

from resdepth.analysis.decays import FITTED
from resdepth.analysis.report import ExperimentReport, Report
from resdepth.analysis.scaling import scaling_numbers
from resdepth.mathematics.statistics import STATISTICS
from resdepth.records import plain


def report_numbers(report: Report) -> dict[str, Any]:
    """Return the content of the .json; "scaling" is that of the first experiment."""
    numbers = [_experiment(one) for one in report.experiments]
    rates = [
        {
            "experiment": table.label,
            **asdict(curve),
            "best": curve.best,
            "at_the_end": curve.at_the_end,
        }
        for table in report.rates
        for curve in table.curves
    ]
    return {
        "study": report.folder,
        "scaling": numbers[0]["scaling"],
        "experiments": numbers,
        "rates": rates,
        "next": [{"purpose": what, "command": command} for what, command in report.next_steps],
        "cells": report.cells,
        "command": report.command,
        "versions": report.versions,
        "platform": report.platform,
    }


def _experiment(one: ExperimentReport) -> dict[str, Any]:
    names = ("depth", "identified", *FITTED)
    return {
        "label": one.label,
        "beta": one.beta,
        "cautions": one.cautions,
        "depths": one.depths,
        "scaling": None if one.scaling is None else scaling_numbers(one.scaling),
        "doubling": one.doubling,
        "omega": [
            {name: getattr(group, name) for name in names} | {"fits": len(group.fits)}
            for group in one.decays
        ],
        "curvature": one.curvature,
    }


def report_csv(report: Report) -> str:
    """Return the content of the .csv: one line per cell, with the statistics of its weights."""
    fields = list(asdict(report.cells[0]))
    fitted = [f"omega_{name}" for name in FITTED]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [*fields, *STATISTICS, *fitted], lineterminator="\n")
    writer.writeheader()
    for one in report.experiments:
        known = _known(one)
        for row in one.cells:
            found = {} if row.why else known.get((row.depth, row.seed), {})
            writer.writerow(plain(asdict(row) | found))
    return stream.getvalue()


def _known(one: ExperimentReport) -> dict[tuple[int, int | str], dict[str, Any]]:
    """Statistics and identified fits by depth and seed."""
    cells = () if one.scaling is None else one.scaling.cells
    found = {
        (cell.statistics.depth, cell.seed): {n: getattr(cell.statistics, n) for n in STATISTICS}
        for cell in cells
    }
    fits = {curve.file: curve.fit for group in one.decays for curve in group.fits}
    for row in one.cells:
        fit = fits.get(row.run)
        if fit is not None and fit.identified and not row.why:
            values = {f"omega_{name}": getattr(fit, name).value for name in FITTED}
            found.setdefault((row.depth, row.seed), {}).update(values)
    return found
