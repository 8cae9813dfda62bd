"""What limits the answer of an experiment, and the commands that improve it."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from resdepth.analysis.rate_tables import RateTable
from resdepth.analysis.study_runs import CellRow, DepthRow, Reason, Study, by_depth
from resdepth.errors import ResdepthError
from resdepth.mathematics.slopes import FEW
from resdepth.runs.events import read_recording
from resdepth.runs.gaps import described
from resdepth.runs.manifest import Manifest
from resdepth.runs.series import Recording
from resdepth.studies.command import run_command
from resdepth.studies.extension import anew, slower
from resdepth.studies.record import read_jobs, read_plan
from resdepth.training.stopping import Rises

UNEQUAL = 0.1  # Share by which mean losses of two depths may differ before they count as unequal
SMALLER_RATE = "a smaller `lr`"
EQUAL_LOSS = "at equal loss (`stop_loss`)"  # Advice for which a report gives the command
WORDS: dict[Reason, tuple[str, str]] = {
    "missed": (
        "did not reach the loss to stop at",
        "the others learn faster, so the answer holds only for a selection; more `epochs` may "
        "include all of them",
    ),
    "diverged": (
        "diverged",
        "the others are stable at this rate, so the answer holds only for a selection; "
        f"{SMALLER_RATE} may include all of them",
    ),
    "unfinished": ("not finished", "the answer may change when they are finished"),
    "failed": ("failed", "'study retry' tries them again"),
    "lost": (
        "lost",
        "their folders are damaged or hold other runs; move these away, and 'study run' trains "
        "them again",
    ),
    "unreadable": ("with weights that cannot be read", ""),
    "repeated": ("repeated", ""),
}
"""Why cells are excluded, and what this means for the answer."""
COMPUTED: dict[str, Callable[[Manifest], object]] = {
    "engine": lambda manifest: manifest.engine,
    "resdepth": lambda manifest: manifest.versions.get("resdepth"),
    "torch": lambda manifest: manifest.versions.get("torch"),
    # Which of several equal GPUs it was makes no difference.
    "device": lambda manifest: manifest.device.partition(":")[0],
    "dtype": lambda manifest: manifest.options.get("dtype"),
}
"""How a run was computed; empty if an older version did not record it."""


def cautions(rows: Sequence[CellRow], manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield what limits the answer of one experiment; `manifests` are of its runs that count."""
    depths = by_depth(rows)
    yield from _excluded(rows, depths)
    yield from computed_differently(manifests)
    means = {row.depth: row.loss for row in depths if math.isfinite(row.loss)}
    stops = any(manifest.options.get("stop_loss") is not None for manifest in manifests)
    if means and not stops and max(means.values()) > (1 + UNEQUAL) * min(means.values()):
        shown = ", ".join(f"{loss:.3g} at L = {depth}" for depth, loss in means.items())
        yield (
            f"the final loss depends on the depth ({shown}); compare networks that have "
            f"learnt the same, {EQUAL_LOSS}"
        )
    counted, recordings = [row.run for row in rows if not row.why], list[Recording]()
    for run in counted:
        with suppress(ResdepthError):
            recordings.append(read_recording(run))
    if found := [recording for recording in recordings if recording.missing]:
        first = next(iter(described(found[0].place, found[0].missing)))
        others = f"{len(found) - 1} more of {len(counted)} runs"
        more = f", and so are some in {others}" if found[1:] else ""
        yield f"{first}{more}; statements about the course of training do not include them"
    batches = any(manifest.options.get("batch_size") is not None for manifest in manifests)
    rising = 0
    for recording in [] if batches else recordings:
        # Of the full batch, as far as it was recorded.
        rises = Rises()
        for loss in recording.series.get("loss", ((), ()))[1]:
            rises.see(float(loss))
        rising += rises.many
    if rising:
        yield (
            f"the loss rose at a tenth of the steps or more in {rising} of {len(counted)} "
            "runs: their rate is at the edge of stability, and the exponents describe the "
            f"oscillation too; {SMALLER_RATE} avoids it"
        )


def computed_differently(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Name the engines, versions, devices and dtypes if the runs were computed in several ways."""
    counts = {
        name: Counter(str(value) for manifest in manifests if (value := read(manifest)))
        for name, read in COMPUTED.items()
    }
    if several := {name: found for name, found in counts.items() if len(found) > 1}:
        shown = "; ".join(
            f"{name}: {', '.join(f'{value} in {found[value]}' for value in sorted(found))}"
            for name, found in several.items()
        )
        yield (
            f"the runs were not computed in the same way ({shown}): differences between them may "
            "come from that; train all of them in one environment to exclude it"
        )


def _excluded(rows: Sequence[CellRow], depths: Sequence[DepthRow]) -> Iterator[str]:
    left = [row for row in rows if row.why]
    if not left:
        return
    counts = {reason: sum(row.reason == reason for row in left) for reason in WORDS}
    shown = ", ".join(f"{count} {WORDS[r][0]}" for r, count in counts.items() if count)
    yield f"{len(left)} of {len(rows)} cells are excluded ({shown}): the answer is about the others"
    for reason, (word, meaning) in WORDS.items():
        if counts[reason] and meaning:
            where = sorted({row.depth for row in left if row.reason == reason})
            yield f"{word} (L = {', '.join(map(str, where))}): {meaning}"
    if empty := ", ".join(str(row.depth) for row in depths if not row.counted):
        yield f"all cells of L = {empty} are excluded: the answer omits these depths"
    counted = [row for row in depths if row.counted]
    if len({row.counted for row in counted}) > 1:
        seeds = ", ".join(f"{row.counted} at L = {row.depth}" for row in counted)
        yield (
            f"the number of seeds differs ({seeds}): the means by depth include an effect of each "
            f"seed, and {FEW}"
        )


def next_steps(
    study: Study, cautions: Sequence[str], rates: Sequence[RateTable]
) -> Iterator[tuple[str, str]]:
    """Yield purpose and command of what to do about each caution of a study with a plan."""
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
    # The rates beyond those that were tried, if the best one is at their end.
    more = set()
    for one in (one for table in rates for one in table.found.depths):
        tried = plan.axes.get("lr", ())
        if one.censored == "low" and len(tried) > 1:
            more.add(float(f"{tried[0] * tried[0] / tried[1]:.4g}"))
        elif one.censored == "high" and len(tried) > 1:
            more.add(float(f"{tried[-1] * tried[-1] / tried[-2]:.4g}"))
    if "lr" in plan.axes and more:
        listed = ",".join(f"{rate:g}" for rate in sorted(more))
        yield "to look for a better rate", run_command(folder, lr=listed)


def reached_by_all(cells: Sequence[CellRow]) -> float:
    """Return the largest final loss of the cells that count, up to three digits; 0 for none."""
    largest = max((row.loss for row in cells if not row.why and row.loss > 0), default=0.0)
    unit = 10.0 ** (math.floor(math.log10(largest or 1.0)) - 2)
    return float(f"{math.ceil(largest / unit) * unit:.3g}")
