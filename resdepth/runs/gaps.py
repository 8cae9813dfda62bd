"""The steps that a run recorded and that its event files no longer hold."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from resdepth.errors import ResdepthError
from resdepth.runs.folder import EVENTS_OF_OLD
from resdepth.runs.manifest import NAME, Manifest, read_manifest

Ranges = tuple[tuple[int, int], ...]
"""The first and last step of each range of missing steps."""
TRAINING = ("loss", "lr", "avg_grad_norm", "accuracy", "precision", "recall")
NORM, VALIDATION = "p_variation_norm/", "val/"
SHOWN = 5
"""Ranges that a message lists."""


def run_around(path: Path) -> Manifest | None:
    """The manifest of the run whose events are in the folder `path`, if it can be read."""
    run = path.parent if path.name == EVENTS_OF_OLD else path
    if (run / NAME).is_file():
        with suppress(ResdepthError):
            return read_manifest(run)
    return None


def gaps(
    manifest: Manifest,
    recorded: Mapping[str, Collection[int]],
    before: int | None = None,
    epoch: int | None = None,
) -> dict[str, Ranges]:
    """The missing steps by scalar, given the `recorded` steps of each; only scalars that miss some.

    Only steps below `before` count: by default those up to the end of the run, or up to the last
    record if it has not ended. `epoch` is its number of steps, if known.
    """
    end, epoch = before, epoch or _epoch(manifest)
    if end is None:
        # Unless the run has ended, its last records may still be in a buffer.
        lasts = [max(steps) for steps in recorded.values() if steps]
        going = manifest.outcome in ("running", "failed")
        end = max(lasts, default=0) if going else manifest.steps
    at_end = before is None and manifest.outcome == "finished"
    found = {}
    for tag in dict.fromkeys(("loss", *recorded)):
        first, every, last = _schedule(manifest, tag, epoch)
        expected = list(range(first, end, every)) if every else []
        if at_end and last:
            expected.append(manifest.steps)
        if missing := _ranges(expected, set(recorded.get(tag, ()))):
            found[tag] = missing
    return found


def _schedule(manifest: Manifest, tag: str, epoch: int) -> tuple[int, int, bool]:
    """A scalar's first step, steps between records (0: unknown), and whether the end has one."""
    names = ("log_every", "val_every", "p_var_every")
    log, validation, norm = (int(manifest.options.get(name, 1)) for name in names)
    dense = manifest.program == "train"
    if tag.startswith(VALIDATION):
        return (0 if dense else validation * epoch), validation * epoch, True
    if tag.startswith(NORM):
        return 0, math.lcm(log, norm), manifest.steps % (norm or 1) == 0
    return (0, log, dense) if tag in TRAINING else (0, 0, False)


def _epoch(manifest: Manifest) -> int:
    """Steps per epoch; 0 if unknown: an extended run was also validated inside an epoch."""
    options = manifest.options
    if manifest.program == "train" and options.get("batch_size") is None:
        return 1
    if manifest.outcome == "finished" and "reached" not in manifest.detail:
        return manifest.steps // int(options["epochs"])
    return 0


def _ranges(expected: Sequence[int], steps: Collection[int]) -> Ranges:
    """The expected steps that are not in `steps`, neighbours joined."""
    groups = ((gone, list(group)) for gone, group in groupby(expected, lambda s: s not in steps))
    return tuple((group[0], group[-1]) for gone, group in groups if gone)


def described(place: Path, missing: Mapping[str, Ranges]) -> Iterable[str]:
    """One line per set of ranges, which names the first of the scalars that miss them."""
    tags: dict[Ranges, list[str]] = {}
    for tag, ranges in missing.items():
        # Validation misses fewer steps than the training loss around them.
        wider = next((known for known in tags if _covers(known, ranges)), ranges)
        tags.setdefault(wider, []).append(tag)
    for ranges, (first, *others) in tags.items():
        shown = ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in ranges[:SHOWN])
        if len(ranges) > SHOWN:
            shown += f" and {len(ranges) - SHOWN} further ranges"
        steps, are = ("steps", "are") if "-" in shown or "," in shown else ("step", "is")
        scalars = f"'{first}'" + (f" and {len(others)} other scalars" if others else "")
        yield (
            f"{place}: {steps} {shown} of {scalars} {are} missing: "
            "an event file was truncated or damaged"
        )


def _covers(wide: Ranges, ranges: Ranges) -> bool:
    return all(any(low <= a and b <= high for low, high in wide) for a, b in ranges)
