"""One series a tag out of the event files of a folder, and what was noticed on the way.

A restart abandons what was recorded from its step on. Writers say so by a `SessionLog.START` (torch
by `purge_step`), which holds for all tags, as in TensorBoard; where a file falls back without a
word, its own points hold from its first step on. So no series is a mixture of two.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resdepth.runs.gaps import Ranges, described

Series = dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]


@dataclass(frozen=True)
class Recording:
    """Steps (ascending) and values by tag, and by tag what a reader of that tag should know.

    `missing` has the steps that the run wrote and that are gone, as far as its manifest tells.
    """

    place: Path
    series: Series
    notes: Mapping[str, tuple[str, ...]]
    missing: Mapping[str, Ranges] = field(default_factory=dict)

    def remarks(self, tags: Iterable[str]) -> Iterator[str]:
        """Everything that a reader of these scalars should know, one line each."""
        tags = list(tags)
        for tag in tags:
            yield from self.notes.get(tag, ())
        yield from described(self.place, {t: self.missing[t] for t in tags if t in self.missing})


@dataclass
class _Track:
    """The points of one tag, the time between which they were written, how many were doubled."""

    points: dict[int, float] = field(default_factory=dict)
    began: float = np.inf
    ended: float = -np.inf
    written: int = 0
    doubled: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, step: int, value: float, time: float) -> None:
        self.written += 1
        self.doubled += step in self.points
        self.points[step] = value
        self.began, self.ended = min(self.began, time), max(self.ended, time)

    def cut(self, step: int) -> int:
        """Remove what was recorded from `step` on; returns how much that was."""
        gone = [known for known in self.points if known >= step]
        for known in gone:
            del self.points[known]
        return len(gone)


class Merger:
    """Takes the values and restarts of one file after the other, in the order they were begun."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._tracks: dict[str, _Track] = {}
        self._fresh: dict[str, _Track] = {}

    def add(self, tag: str, step: int, value: float, time: float) -> None:
        """A value of the file that is being read."""
        track = self._fresh.get(tag)
        if track is None:
            track = self._fresh[tag] = _Track()
        track.add(step, value, time)

    def restart(self, step: int, file: Path) -> None:
        """A `SessionLog.START` at `step` in `file`."""
        for tag in {**self._tracks, **self._fresh}:
            tracks = [tracks[tag] for tracks in (self._tracks, self._fresh) if tag in tracks]
            gone = sum(track.cut(step) for track in tracks)
            if gone:
                tracks[0].notes.append(
                    f"{self._place}: a restart at step {step} in {file.name} replaces {gone} "
                    f"points of '{tag}' recorded before, which are left out"
                )

    def end(self, file: Path) -> None:
        """`file` has been read."""
        for tag, fresh in self._fresh.items():
            track = self._tracks.get(tag)
            if track is None:
                self._tracks[tag] = fresh
            elif fresh.points:
                self._join(tag, track, fresh, file)
        self._fresh = {}

    def result(self) -> Recording:
        """Everything read so far."""
        notes = {}
        for tag, track in self._tracks.items():
            if track.doubled:
                track.notes.append(
                    f"{self._place}: {track.doubled} of {track.written} points of '{tag}' share a "
                    "step with a later one and are left out"
                )
                track.doubled = 0
            notes[tag] = tuple(track.notes)
        series = {tag: _arrays(track) for tag, track in self._tracks.items()}
        return Recording(self._place, series, notes)

    def _join(self, tag: str, track: _Track, fresh: _Track, file: Path) -> None:
        first = min(fresh.points)
        later = bool(track.points) and fresh.began >= track.ended and first > min(track.points)
        gone = track.cut(first)
        if gone and later:
            track.notes.append(
                f"{self._place}: the steps of '{tag}' fall back to {first} in {file.name}, a "
                f"restart: {gone} points recorded before from there on are left out"
            )
        elif gone:
            track.notes.append(
                f"{self._place}: holds two series of '{tag}': {file.name} overlaps earlier files "
                f"from step {first} on, {gone} points of theirs are left out; give the files one "
                "by one to fit each"
            )
        track.points.update(fresh.points)
        track.began, track.ended = min(track.began, fresh.began), max(track.ended, fresh.ended)
        track.written += fresh.written
        track.doubled += fresh.doubled
        track.notes += fresh.notes


def _arrays(track: _Track) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    steps = np.array(sorted(track.points), dtype=np.int64)
    return steps, np.array([track.points[step] for step in steps.tolist()], dtype=np.float64)
