"""TensorBoard event files: one event a step that carries all of its scalars."""

import os
import re
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary

from resdepth.atomic import write_whole
from resdepth.errors import Corrupt, no_events, no_such, write_failed
from resdepth.find_files import walk
from resdepth.runs.board import end_event, is_board_event, start_event
from resdepth.runs.gaps import gaps, run_around
from resdepth.runs.records import frame, read_records
from resdepth.runs.series import Merger, Recording, Series

PATTERN = "events.out.tfevents.*"
"""What resdepth and TensorBoard call event files; others are known by `is_event_file`."""
_STAMP = re.compile(r"tfevents\.(\d+)")


class EventLog:
    """An event file that is open for appending; a new one for each start of a run."""

    def __init__(self, folder: Path) -> None:
        number = len(_own_files(folder))
        self.path = folder / f"events.out.tfevents.{int(time.time()):010d}.resdepth.{number:04d}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._stream: IO[bytes] = self.path.open("xb")
        except OSError as error:
            raise write_failed(self.path, error) from None
        self._append(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Append one event with the scalars of `step`."""
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        self._append(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    def begin(self, program: str, options: Mapping[str, Any]) -> None:
        """Say what run this is, for TensorBoard to compare it with others."""
        self._append(start_event(program, options))

    def end(self, *, well: bool) -> None:
        """Say that the run has ended, `well` or otherwise."""
        self._append(end_event(well=well))

    def synchronise(self) -> None:
        """Bring everything written so far to the disk."""
        try:
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise write_failed(self.path, error) from None

    def close(self) -> None:
        """Synchronise and close."""
        if not self._stream.closed:
            self.synchronise()
            self._stream.close()

    def _append(self, event: Event) -> None:
        try:
            self._stream.write(frame(event.SerializeToString()))
        except OSError as error:
            raise write_failed(self.path, error) from None


def is_event_file(path: Path) -> bool:
    """Whether TensorBoard would take `path` for an event file, by its name."""
    return "tfevents" in path.name


def event_files(folder: Path) -> list[Path]:
    """The event files of a folder, in the order they were begun."""
    files = walk(folder, enter=lambda _: False)
    return sorted(filter(is_event_file, files), key=_begun)


def _begun(path: Path) -> tuple[int, str]:
    stamp = _STAMP.search(path.name)
    return int(stamp[1]) if stamp else 0, path.name


def _own_files(folder: Path) -> list[Path]:
    return sorted(folder.glob(PATTERN), key=lambda path: path.name)


def cut_after(folder: Path, step: int) -> None:
    """Remove every event beyond `step` and every damaged record from the event files of a run.

    What lies behind a damaged record stays; a warning says that one is gone. What was said of the
    run's beginning and end goes: the next start says it afresh.
    """
    for path in _own_files(folder):
        kept, end, scalars = [], 0, False
        with path.open("rb") as stream:
            for record in read_records(stream):
                if record.start > end:
                    _warn_of_damage(path, end)
                end = record.end
                event = _parse(record.payload)
                if event is not None and event.step <= step and not is_board_event(event):
                    kept.append(frame(record.payload))
                    scalars = scalars or event.HasField("summary")
        whole = b"".join(kept)
        if not scalars:
            path.unlink()
        elif len(whole) < path.stat().st_size:
            _replace(path, whole)


def recorded_steps(folder: Path) -> dict[str, set[int]]:
    """The steps of each scalar that `cut_after` can keep of the event files of a run."""
    steps: dict[str, set[int]] = {}
    for path in _own_files(folder):
        with path.open("rb") as stream:
            events = (_parse(record.payload) for record in read_records(stream))
            for event in filter(None, events):
                for tag, _ in _values(event):
                    steps.setdefault(tag, set()).add(event.step)
    return steps


def _replace(path: Path, content: bytes) -> None:
    write_whole(path, lambda stream: stream.write(content))


def _warn_of_damage(path: Path, place: int) -> None:
    reason = f"a damaged record at byte {place} is left out"
    warnings.warn(f"{path}: {reason}", stacklevel=3)


def read_scalars(path: Path) -> Series:
    """Scalars by tag, steps ascending, from an event file or a folder of them.

    As `read_recording`, with everything noticed said as a warning.
    """
    recording = read_recording(path)
    for remark in recording.remarks(recording.series):
        warnings.warn(remark, stacklevel=2)
    return recording.series


def read_recording(path: Path) -> Recording:
    """Scalars by tag from an event file or a folder of them, and what was noticed on the way.

    Files of any TensorBoard writer are read. Where a step was written twice the later value holds,
    and a restart replaces what was recorded from its step on. A file that ends in the middle of a
    record is used up to there, one that is no event file is left out where there are others; both
    with a warning. The events of a run are compared with the steps that its manifest implies.

    Raises
    ------
    Missing
        Nothing there.
    Missing
        No event file in the folder.
    Corrupt
        None that begins like one.
    """
    if not path.exists():
        raise no_such(path, "event file or folder")
    files = event_files(path) if path.is_dir() else [path]
    if not files:
        raise no_events(path, "in this folder")
    # Before the events: a run that ends meanwhile has recorded what this manifest implies.
    whole = files == event_files(files[0].parent)
    manifest = run_around(files[0].parent if whole else path)
    merger, bad = Merger(path), []
    for file in files:
        try:
            _read_file(file, merger)
        except Corrupt as error:
            bad.append(error)
    if len(bad) == len(files):
        raise bad[0]
    for reason in bad:
        warnings.warn(f"{reason}; left out", stacklevel=2)
    recording = merger.result()
    if manifest is None:
        return recording
    steps = {tag: values[0].tolist() for tag, values in recording.series.items()}
    return replace(recording, missing=gaps(manifest, steps))


def _read_file(path: Path, merger: Merger) -> None:
    for event in _events(path):
        if event.session_log.status == SessionLog.START:
            merger.restart(event.step, path)
        for tag, value in _values(event):
            merger.add(tag, event.step, value, event.wall_time)
    merger.end(path)


def _events(path: Path) -> Iterator[Event]:
    end, size, problem = 0, 0, ""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            for record in read_records(stream):
                event = _parse(record.payload)
                if event is None or record.start > end:
                    break
                end = record.end
                yield event
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    if end == 0:
        remedy = "give a file written by TensorBoard's, torch's or resdepth's writer"
        reason = problem or ("not an event file" if size else "not an event file: it is empty")
        raise Corrupt(path, reason, "" if problem else remedy)
    if problem or end < size:
        reason = problem or "damaged or broken off"
        where = f"after {end} of {size} bytes; read up to there"
        warnings.warn(f"{path}: {reason} {where}", stacklevel=2)


def _parse(payload: bytes) -> Event | None:
    try:
        event: Event = Event.FromString(payload)
    except Exception:  # protobuf's own DecodeError is not exported
        return None
    return event


def _values(event: Event) -> Iterable[tuple[str, float]]:
    for value in event.summary.value:
        if value.HasField("simple_value"):
            yield value.tag, value.simple_value
        elif value.HasField("tensor") and not value.tensor.tensor_shape.dim:
            # TensorFlow 2 writes scalars as rank-0 tensors.
            tensor = value.tensor
            numbers = [*tensor.float_val, *tensor.double_val]
            if not numbers and tensor.tensor_content and tensor.dtype in (1, 2):
                kind = np.float32 if tensor.dtype == 1 else np.float64
                numbers = np.frombuffer(tensor.tensor_content, kind).tolist()
            if len(numbers) == 1:
                yield value.tag, float(numbers[0])
