"""The steps that a run recorded and that its event files no longer hold."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from resdepth.errors import ResdepthError
from resdepth.runs.folder import EVENTS_OF_OLD
from resdepth.runs.manifest import NAME, Manifest, read_manifest

Ranges = tuple[tuple[int, int], ...]
"""The first and the last step of each range of missing steps."""
Recorded = Mapping[str, Collection[int]]
"""The steps of each scalar by tag."""
TRAINING = ("loss", "lr", "avg_grad_norm", "accuracy", "precision", "recall")
NORM, VALIDATION = "p_variation_norm/", "val/"
SHOWN = 5
"""Ranges that a message names."""


def run_around(path: Path) -> Manifest | None:
    """The manifest of the run whose events lie in the folder `path`, if there is a readable one."""
    run = path.parent if path.name == EVENTS_OF_OLD else path
    if (run / NAME).is_file():
        with suppress(ResdepthError):
            return read_manifest(run)
    return None


def gaps(
    manifest: Manifest, recorded: Recorded, before: int | None = None, epoch: int | None = None
) -> dict[str, Ranges]:
    """The missing steps of each scalar of a run; a scalar without any is left out.

    Only steps below `before` count; by default those up to the end of the run, or up to the last
    record if it has not ended. `epoch` is its number of steps if that is known.
    """
    epoch = epoch or _epoch(manifest)
    found = {}
    for tag in dict.fromkeys(("loss", *recorded)):
        every = _every(manifest, tag, epoch)
        expected = _expected(manifest, tag, every, _end(manifest, recorded, before))
        if before is None and manifest.outcome == "finished" and _at_end(manifest, tag):
            expected.append(manifest.steps)
        if missing := _ranges(expected, set(recorded.get(tag, ()))):
            found[tag] = missing
    return found


def _end(manifest: Manifest, recorded: Recorded, before: int | None) -> int:
    """The step below which every record was surely written."""
    if before is not None:
        return before
    if manifest.outcome in ("running", "failed"):
        # The last records may still be in a buffer.
        return max((max(steps) for steps in recorded.values() if steps), default=0)
    return manifest.steps


def _expected(manifest: Manifest, tag: str, every: int, end: int) -> list[int]:
    late = tag.startswith(VALIDATION) and manifest.program != "train"
    return list(range(every if late else 0, end, every)) if every else []


def _at_end(manifest: Manifest, tag: str) -> bool:
    """Whether the weights after the last update have a record of this scalar."""
    if tag.startswith(NORM):
        return manifest.steps % (_option(manifest, "p_var_every") or 1) == 0
    return tag.startswith(VALIDATION) or (tag in TRAINING and manifest.program == "train")


def _every(manifest: Manifest, tag: str, epoch: int) -> int:
    """The number of steps from one record to the next; 0 if it is unknown."""
    if tag.startswith(VALIDATION):
        return _option(manifest, "val_every") * epoch
    if tag.startswith(NORM):
        return math.lcm(_option(manifest, "log_every"), _option(manifest, "p_var_every"))
    return _option(manifest, "log_every") if tag in TRAINING else 0


def _option(manifest: Manifest, name: str) -> int:
    return int(manifest.options.get(name, 1))


def _epoch(manifest: Manifest) -> int:
    """Steps of an epoch; 0 if nothing tells.

    Validations do not: an end that was later extended has one too, between those of whole epochs.
    """
    options = manifest.options
    if manifest.program == "train" and options.get("batch_size") is None:
        return 1
    if manifest.outcome == "finished" and "reached" not in manifest.detail:
        return manifest.steps // int(options["epochs"])
    return 0


def _ranges(expected: Sequence[int], steps: Collection[int]) -> Ranges:
    """Neighbours among the expected steps that are not in `steps`, joined."""
    found = list[tuple[int, int]]()
    inside = False
    for step in expected:
        if missing := step not in steps:
            found.append((found.pop()[0] if inside else step, step))
        inside = missing
    return tuple(found)


def described(place: Path, missing: Mapping[str, Ranges]) -> Iterable[str]:
    """One line for each set of ranges, with the first of the scalars that lack them."""
    tags: dict[Ranges, list[str]] = {}
    for tag, ranges in missing.items():
        # Validation lacks fewer steps than the training loss around them.
        wider = next((known for known in tags if _covers(known, ranges)), ranges)
        tags.setdefault(wider, []).append(tag)
    for ranges, (first, *others) in tags.items():
        shown = ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in ranges[:SHOWN])
        if len(ranges) > SHOWN:
            shown += f" and {len(ranges) - SHOWN} further ranges"
        several = "-" in shown or "," in shown
        whom = f"'{first}'" + (f" and {len(others)} other scalars" if others else "")
        yield (
            f"{place}: {f'steps {shown}' if several else f'step {shown}'} of {whom} "
            f"{'are' if several else 'is'} missing: an event file was truncated or damaged"
        )


def _covers(wide: Ranges, ranges: Ranges) -> bool:
    return all(any(low <= a and b <= high for low, high in wide) for a, b in ranges)
