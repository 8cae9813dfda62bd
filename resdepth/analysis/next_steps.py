"""The commands that follow the advice of a report."""

import math
from collections.abc import Iterator, Sequence

from resdepth.analysis.cautions import EQUAL_LOSS, SMALLER_RATE
from resdepth.analysis.cells import CellRow
from resdepth.analysis.rates import RateTable
from resdepth.analysis.study import Study
from resdepth.studies.command import run_command
from resdepth.studies.extension import anew, slower
from resdepth.studies.record import read_jobs, read_plan


def next_steps(
    study: Study, cautions: Sequence[str], rates: Sequence[RateTable]
) -> Iterator[tuple[str, str]]:
    """Yield purpose and command of what to do about the cautions of a study; none without a plan.

    Each option that a caution names has its command here.
    """
    if not study.plan:
        return
    folder, plan = study.folder, read_plan(study.folder)
    settings = read_jobs(folder).settings
    said = " ".join(cautions)
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
    if EQUAL_LOSS in said and (loss := reached_by_all(study.cells)):
        rate = {} if plan.rate is None else {"lr": plan.rate}
        yield "to compare at equal loss", anew(plan, settings, **rate, stop_loss=loss)
    if SMALLER_RATE in said and (command := slower(plan, settings)):
        yield "to use half the rate", command
    if "lr" in plan.axes and (more := sorted(_beyond(rates))):
        listed = ",".join(f"{rate:g}" for rate in more)
        yield "to look for a better rate", run_command(folder, lr=listed)


def reached_by_all(cells: Sequence[CellRow]) -> float:
    """Return the largest final loss of the cells that count, up to three digits; 0 for none."""
    largest = max((row.loss for row in cells if not row.why and row.loss > 0), default=0.0)
    if not largest:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(largest)) - 2)
    return float(f"{math.ceil(largest / unit) * unit:.3g}")


def _beyond(tables: Sequence[RateTable]) -> set[float]:
    """The rates beyond those that were tried, if the best one is at their end."""
    found = set()
    for curve in (curve for table in tables for curve in table.curves if len(curve.rates) > 1):
        first, second, *_ = curve.rates
        *_, before, last = curve.rates
        if curve.best == first:
            found.add(first * first / second)
        elif curve.best == last:
            found.add(last * last / before)
    return {float(f"{rate:.4g}") for rate in found}
