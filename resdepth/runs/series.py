"""One series per tag from several event files, and remarks on what was replaced.

A restart replaces what was recorded from its step on. Writers announce one by a
`SessionLog.START` (torch by `purge_step`), which applies to all tags, as in TensorBoard. If a file
falls back without one, its own points count from its first step on. So no series mixes two.
"""

import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resdepth.errors import Missing
from resdepth.runs.gaps import Ranges, described

Curve = tuple[NDArray[np.int64], NDArray[np.float64]]
Series = dict[str, Curve]


@dataclass(frozen=True)
class Recording:
    """Steps (ascending) and values by tag, remarks by tag, and missing steps by tag.

    `missing` are steps that the run recorded, by its manifest, and that are gone.
    """

    place: Path
    series: Series
    notes: Mapping[str, tuple[str, ...]]
    missing: Mapping[str, Ranges] = field(default_factory=dict)

    def remarks(self, tags: Iterable[str]) -> Iterator[str]:
        """What a reader of these scalars should know, one line each."""
        tags = list(tags)
        for tag in tags:
            yield from self.notes.get(tag, ())
        yield from described(self.place, {t: self.missing[t] for t in tags if t in self.missing})

    def scalar(self, tag: str) -> Curve:
        """Steps and values of one scalar, with a warning per remark; Missing if there is none."""
        if tag not in self.series:
            recorded = ", ".join(sorted(self.series)) or "none"
            raise Missing(self.place, f"no scalar '{tag}'", f"recorded scalars: {recorded}")
        for remark in self.remarks([tag]):
            warnings.warn(remark, stacklevel=3)
        return self.series[tag]


@dataclass
class _Track:
    """The points of one tag, the first and last time of writing, and how many share a step."""

    points: dict[int, float] = field(default_factory=dict)
    first_time: float = np.inf
    last_time: float = -np.inf
    written: int = 0
    doubled: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, step: int, value: float, time: float) -> None:
        self.written += 1
        self.doubled += step in self.points
        self.points[step] = value
        self.first_time, self.last_time = min(self.first_time, time), max(self.last_time, time)

    def cut(self, step: int) -> int:
        """Remove the points from `step` on; return their number."""
        gone = [known for known in self.points if known >= step]
        for known in gone:
            del self.points[known]
        return len(gone)

    def append(self, later: "_Track") -> None:
        self.points |= later.points
        self.first_time = min(self.first_time, later.first_time)
        self.last_time = max(self.last_time, later.last_time)
        self.written += later.written
        self.doubled += later.doubled
        self.notes += later.notes

    def arrays(self) -> Curve:
        steps = sorted(self.points)
        return np.array(steps, np.int64), np.array([self.points[step] for step in steps], float)


class Merger:
    """Takes the scalars and restarts of one file after another, in the order of their names."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._tracks: dict[str, _Track] = {}
        self._fresh = defaultdict[str, _Track](_Track)

    def add(self, tag: str, step: int, value: float, time: float) -> None:
        """Add a value of the file that is being read."""
        self._fresh[tag].add(step, value, time)

    def restart(self, step: int, file: Path) -> None:
        """Apply a `SessionLog.START` at `step` in `file`."""
        for tag in {**self._tracks, **self._fresh}:
            tracks = [tracks[tag] for tracks in (self._tracks, self._fresh) if tag in tracks]
            gone = sum(track.cut(step) for track in tracks)
            if gone:
                tracks[0].notes.append(
                    f"{self._place}: a restart at step {step} in {file.name} replaces {gone} "
                    f"earlier points of '{tag}', which are left out"
                )

    def end(self, file: Path) -> None:
        """Merge what was read of `file`."""
        for tag, fresh in self._fresh.items():
            track = self._tracks.setdefault(tag, fresh)
            if track is fresh or not fresh.points:
                continue
            first = min(fresh.points)
            later = fresh.first_time >= track.last_time and first > min(track.points, default=first)
            gone = track.cut(first)
            if gone and later:
                track.notes.append(
                    f"{self._place}: the steps of '{tag}' fall back to {first} in {file.name}, a "
                    f"restart: {gone} earlier points from that step on are left out"
                )
            elif gone:
                track.notes.append(
                    f"{self._place}: holds two series of '{tag}': {file.name} overlaps earlier "
                    f"files from step {first} on, {gone} of their points are left out; give the "
                    "files one by one to fit each series"
                )
            track.append(fresh)
        self._fresh.clear()

    def result(self) -> Recording:
        """Everything that was read."""
        notes = {}
        for tag, track in self._tracks.items():
            doubled = (
                f"{self._place}: {track.doubled} of {track.written} points of '{tag}' share a "
                "step with a later one and are left out"
            )
            notes[tag] = (*track.notes, doubled) if track.doubled else tuple(track.notes)
        return Recording(self._place, {t: r.arrays() for t, r in self._tracks.items()}, notes)
