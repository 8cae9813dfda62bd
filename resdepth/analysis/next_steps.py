"""The commands that follow the advice of a report."""

import math
from collections.abc import Iterator, Sequence

from resdepth.analysis.cells import CellRow
from resdepth.analysis.rates import RateTable
from resdepth.analysis.study import Study
from resdepth.studies.command import run_command
from resdepth.studies.extension import anew, slower
from resdepth.studies.record import read_jobs, read_plan


def next_steps(study: Study) -> Iterator[tuple[str, str]]:
    """What to do about the cautions of a study: purpose and command; none without a plan.

    Each option that a caution names has its command here.
    """
    if not study.plan:
        return
    folder, plan = study.folder, read_plan(study.folder)
    settings = read_jobs(folder).settings
    said = " ".join(text for one in study.experiments for text in one.cautions)
    reasons = {row.reason for row in study.cells}
    if "unfinished" in reasons:
        yield "to train the other cells", run_command(folder)
    if "failed" in reasons:
        yield "to try failed cells again", run_command(folder, action="retry")
    if "lost" in reasons:
        yield "to train lost cells again after their folders are moved away", run_command(folder)
    if "missed" in reasons and "epochs" in plan.options:
        epochs = 2 * plan.options["epochs"]
        yield "to let all cells reach the loss", run_command(folder, epochs=epochs)
    if "--stop-loss" in said and (loss := reached_by_all(study.cells)):
        rate = {} if plan.rate is None else {"lr": plan.rate}
        yield "to compare at equal loss", anew(plan, settings, **rate, stop_loss=loss)
    if "smaller --lr" in said and (command := slower(plan, settings)):
        yield "to use half the rate", command
    if "lr" in plan.axes and (rates := sorted(_beyond(study.rates))):
        listed = ",".join(f"{rate:g}" for rate in rates)
        yield "to look for a better rate", run_command(folder, lr=listed)


def reached_by_all(cells: Sequence[CellRow]) -> float:
    """The largest final loss of the cells that count, rounded up to three digits; 0 for none."""
    largest = max((row.loss for row in cells if not row.why and row.loss > 0), default=0.0)
    if not largest:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(largest)) - 2)
    return float(f"{math.ceil(largest / unit) * unit:.3g}")


def _beyond(tables: Sequence[RateTable]) -> set[float]:
    """The rates next to those that were tried, where the best one is at the end of these."""
    found = set()
    for curve in (curve for table in tables for curve in table.curves if len(curve.rates) > 1):
        first, second, *_ = curve.rates
        *_, before, last = curve.rates
        if curve.best == first:
            found.add(first * first / second)
        elif curve.best == last:
            found.add(last * last / before)
    return {float(f"{rate:.4g}") for rate in found}
