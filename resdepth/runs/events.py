"""TensorBoard event files: one event per step that carries all of its scalars."""

import os
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_FLOAT

from resdepth.atomic import write_bytes, writing
from resdepth.errors import Corrupt, no_events, no_such
from resdepth.find_files import walk
from resdepth.runs.board import end_summary, is_board_event, start_summary
from resdepth.runs.folder import EVENTS
from resdepth.runs.framing import EventRecord, frame, read_records
from resdepth.runs.gaps import gaps, run_around
from resdepth.runs.series import Merger, Recording, Series

_FLOATS = {DT_FLOAT: np.float32, DT_DOUBLE: np.float64}


class EventLog:
    """An open event file; every start of a run writes a new one."""

    def __init__(self, folder: Path) -> None:
        number = len(list(folder.glob(EVENTS)))
        self.path = folder / f"events.out.tfevents.{int(time.time()):010d}.resdepth.{number:04d}"
        with writing(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            self._stream: IO[bytes] = self.path.open("xb")
        self._append(file_version="brain.Event:2")

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Append one event with the scalars of `step`."""
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        self._append(step=step, summary=Summary(value=values))

    def begin(self, program: str, options: Mapping[str, Any]) -> None:
        """Append the options, so that TensorBoard can compare runs."""
        self._append(summary=start_summary(program, options))

    def end(self, *, well: bool) -> None:
        """Append the end of the run, `well` or otherwise."""
        self._append(summary=end_summary(well=well))

    def synchronise(self) -> None:
        """Write everything to the disk."""
        with writing(self.path):
            self._stream.flush()
            os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Synchronise and close."""
        if not self._stream.closed:
            self.synchronise()
            self._stream.close()

    def _append(self, **content: Any) -> None:
        event = Event(wall_time=time.time(), **content)
        with writing(self.path):
            self._stream.write(frame(event.SerializeToString()))


def is_event_file(path: Path) -> bool:
    """Whether TensorBoard would read `path`, by its name."""
    return "tfevents" in path.name


def event_files(folder: Path) -> list[Path]:
    """The event files of a folder, by the time in their names."""
    return sorted(filter(is_event_file, walk(folder, enter=lambda _: False)), key=_time_and_name)


def _time_and_name(path: Path) -> tuple[int, str]:
    stamp = re.search(r"tfevents\.(\d+)", path.name)
    return int(stamp[1]) if stamp else 0, path.name


def cut_after(run: Path, step: int) -> None:
    """Remove events after `step` and damaged records from the event files of a run.

    Whole records after a damaged one stay; a warning names its place. Events about the start and
    the end of the run are removed too: the next start writes them again.
    """
    for path in sorted(run.glob(EVENTS)):
        kept, end, scalars = [], 0, False
        for record, event in _records(path):
            if record.start > end:
                warnings.warn(f"{path}: a damaged record at byte {end} is left out", stacklevel=2)
            end = record.end
            if event is not None and event.step <= step and not is_board_event(event):
                kept.append(frame(record.payload))
                scalars = scalars or event.HasField("summary")
        content = b"".join(kept)
        if not scalars:
            path.unlink()
        elif len(content) < path.stat().st_size:
            write_bytes(path, content)


def recorded_steps(run: Path) -> dict[str, set[int]]:
    """The steps of each scalar in the event files of a run, also after damaged records."""
    steps: dict[str, set[int]] = {}
    for path in sorted(run.glob(EVENTS)):
        for event in (event for _, event in _records(path) if event):
            for tag, _ in _scalars(event):
                steps.setdefault(tag, set()).add(event.step)
    return steps


def read_scalars(path: Path) -> Series:
    """Scalars by tag, steps ascending, from an event file or a folder of them.

    As `read_recording`, with a warning for each of its remarks.
    """
    recording = read_recording(path)
    for remark in recording.remarks(recording.series):
        warnings.warn(remark, stacklevel=2)
    return recording.series


def read_recording(path: Path) -> Recording:
    """Scalars by tag, with remarks, from an event file or a folder of them, of any writer.

    If a step was written twice, the later value counts. A restart replaces what was recorded from
    its step on. A truncated file is read up to the damage; a file that is no event file is left
    out if there are others; both with a warning. In a run folder, the steps are compared with
    those that the manifest implies.

    Raises Missing if there is no event file, Corrupt if none of the files is one.
    """
    if not path.exists():
        raise no_such(path, "event file or folder")
    files = event_files(path) if path.is_dir() else [path]
    if not files:
        raise no_events(path, "in this folder")
    # The manifest before the events: a run that ends meanwhile has recorded all that it implies.
    whole = files == event_files(files[0].parent)
    manifest = run_around(files[0].parent if whole else path)
    merger, bad = Merger(path), list[Corrupt]()
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
        for tag, value in _scalars(event):
            merger.add(tag, event.step, value, event.wall_time)
    merger.end(path)


def _events(path: Path) -> Iterator[Event]:
    """The events before the first damage; Corrupt if there is none."""
    end, size, problem = 0, 0, ""
    try:
        size = path.stat().st_size
        for record, event in _records(path):
            if event is None or record.start > end:
                break
            end = record.end
            yield event
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    if end == 0:
        remedy = "give a file written by TensorBoard, torch or resdepth"
        reason = problem or ("not an event file" if size else "not an event file: it is empty")
        raise Corrupt(path, reason, "" if problem else remedy)
    if problem or end < size:
        reason = problem or "damaged or truncated"
        where = f"after {end} of {size} bytes; read up to there"
        warnings.warn(f"{path}: {reason} {where}", stacklevel=2)


def _records(path: Path) -> Iterator[tuple[EventRecord, Event | None]]:
    """The whole records of a file, with the event of each unless it holds something else."""
    with path.open("rb") as stream:
        for record in read_records(stream):
            event = None
            with suppress(Exception):  # protobuf exports its DecodeError without types
                event = Event.FromString(record.payload)
            yield record, event


def _scalars(event: Event) -> Iterator[tuple[str, float]]:
    for value in event.summary.value:
        if value.HasField("simple_value"):
            yield value.tag, value.simple_value
        elif value.HasField("tensor") and not value.tensor.tensor_shape.dim:
            # TensorFlow 2 writes scalars as tensors of rank 0.
            tensor = value.tensor
            numbers = [*tensor.float_val, *tensor.double_val]
            if tensor.tensor_content and tensor.dtype in _FLOATS:
                numbers = np.frombuffer(tensor.tensor_content, _FLOATS[tensor.dtype]).tolist()
            if len(numbers) == 1:
                yield value.tag, float(numbers[0])
