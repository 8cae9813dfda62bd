"""What limits the answer of an experiment: excluded cells, losses, oscillation."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from resdepth.analysis.cells import CellRow, DepthRow, Reason, by_depth
from resdepth.errors import ResdepthError
from resdepth.mathematics.slopes import FEW
from resdepth.runs.events import read_recording
from resdepth.runs.gaps import described
from resdepth.runs.manifest import Manifest
from resdepth.runs.series import Recording
from resdepth.training.stopping import Rises

UNEQUAL = 0.1
"""Share by which mean losses of two depths may differ before they count as unequal."""
WORDS: dict[Reason, str] = {
    "missed": "did not reach the loss to stop at",
    "diverged": "diverged",
    "unfinished": "not finished",
    "failed": "failed",
    "lost": "lost",
    "unreadable": "with weights that cannot be read",
    "repeated": "repeated",
}
MEANS: dict[Reason, str] = {
    "missed": "the others learn faster, so the answer is about a selection; more --epochs may "
    "include all of them",
    "diverged": "the others are stable at this rate, so the answer is about a selection; a smaller "
    "--lr may include all of them",
    "unfinished": "the answer may change when they are in",
    "failed": "'study retry' tries them again",
    "lost": "their folders are damaged or hold other runs; move these away, and 'study run' trains "
    "them again",
}
"""What it does to the answer that cells are left out for a reason."""
COMPUTED: dict[str, Callable[[Manifest], object]] = {
    "engine": lambda manifest: manifest.engine,
    "resdepth": lambda manifest: manifest.versions.get("resdepth"),
    "torch": lambda manifest: manifest.versions.get("torch"),
    # Which of several equal GPUs it was makes no difference.
    "device": lambda manifest: manifest.device.partition(":")[0],
    "dtype": lambda manifest: manifest.options.get("dtype"),
}
"""How a run was computed; nothing if an older version did not record it."""


def cautions(rows: Sequence[CellRow], manifests: Sequence[Manifest]) -> Iterator[str]:
    """What is to be said beside the answer of one experiment; `manifests` are of its runs."""
    depths = by_depth(rows)
    yield from _left_out(rows, depths)
    yield from computed_differently(manifests)
    stops = any(manifest.options.get("stop_loss") is not None for manifest in manifests)
    if not stops:
        yield from _unequal(depths)
    counted = [row.run for row in rows if not row.why]
    recordings = [found for run in counted if (found := _recording(run)) is not None]
    yield from _missing(recordings, len(counted))
    batches = any(manifest.options.get("batch_size") is not None for manifest in manifests)
    if rising := [found for found in recordings if not batches and _rises(found)]:
        yield (
            f"the loss rose at a tenth of the steps or more in {len(rising)} of {len(counted)} "
            "runs: their rate is at the edge of stability, and the exponents describe the "
            "oscillation too; a smaller --lr avoids it"
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


def _left_out(rows: Sequence[CellRow], depths: Sequence[DepthRow]) -> Iterator[str]:
    left = [row for row in rows if row.why]
    if not left:
        return
    counts = {reason: sum(row.reason == reason for row in left) for reason in WORDS}
    shown = ", ".join(f"{count} {WORDS[r]}" for r, count in counts.items() if count)
    yield f"{len(left)} of {len(rows)} cells are excluded ({shown}): the answer is about the others"
    for reason, meaning in MEANS.items():
        if counts[reason]:
            where = sorted({row.depth for row in left if row.reason == reason})
            yield f"{WORDS[reason]} (L = {_listed(where)}): {meaning}"
    counted = [row for row in depths if row.counted]
    if empty := [row.depth for row in depths if not row.counted]:
        yield f"all cells of L = {_listed(empty)} are excluded: the answer omits these depths"
    if len({row.counted for row in counted}) > 1:
        seeds = ", ".join(f"{row.counted} at L = {row.depth}" for row in counted)
        yield (
            f"the number of seeds differs ({seeds}): the means by depth allow for an effect of "
            f"each seed, and {FEW}"
        )


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _unequal(depths: Sequence[DepthRow]) -> Iterator[str]:
    means = {row.depth: row.loss for row in depths if math.isfinite(row.loss)}
    if means and max(means.values()) > (1 + UNEQUAL) * min(means.values()):
        shown = ", ".join(f"{loss:.3g} at L = {depth}" for depth, loss in means.items())
        yield (
            f"the final loss depends on the depth ({shown}): at equal loss (--stop-loss) the "
            "comparison would be of networks that learnt the same"
        )


def _recording(run: Path) -> Recording | None:
    try:
        return read_recording(run)
    except ResdepthError:
        return None


def _missing(recordings: Sequence[Recording], runs: int) -> Iterator[str]:
    """That steps are missing from the event files, with those of the first run."""
    if found := [recording for recording in recordings if recording.missing]:
        first = next(iter(described(found[0].place, found[0].missing)))
        more = f", and so are some in {len(found) - 1} more of {runs} runs" if found[1:] else ""
        yield f"{first}{more}; what is said of the course of training leaves them out"


def _rises(recording: Recording) -> bool:
    """Whether the recorded loss of the full batch rose often."""
    seen = Rises()
    for loss in recording.series.get("loss", ((), ()))[1]:
        seen.see(float(loss))
    return seen.many
