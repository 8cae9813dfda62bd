"""TensorBoard event files: one event a step that carries all of its scalars."""

import os
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary

from resdepth.errors import FileCorrupt, PathMissing, WriteFailed
from resdepth.runs.records import frame, read_records

PATTERN = "events.out.tfevents.*"
Series = dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]


class EventLog:
    """An event file that is open for appending; a new one for each start of a run."""

    def __init__(self, folder: Path) -> None:
        number = len(event_files(folder))
        self.path = folder / f"events.out.tfevents.{int(time.time()):010d}.resdepth.{number:04d}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._stream: IO[bytes] = self.path.open("xb")
        except OSError as error:
            raise WriteFailed(path=self.path, reason=error.strerror) from None
        self._append(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Append one event with the scalars of `step`."""
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        self._append(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    def synchronise(self) -> None:
        """Bring everything written so far to the disk."""
        try:
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise WriteFailed(path=self.path, reason=error.strerror) from None

    def close(self) -> None:
        """Synchronise and close."""
        if not self._stream.closed:
            self.synchronise()
            self._stream.close()

    def _append(self, event: Event) -> None:
        try:
            self._stream.write(frame(event.SerializeToString()))
        except OSError as error:
            raise WriteFailed(path=self.path, reason=error.strerror) from None


def event_files(folder: Path) -> list[Path]:
    """The event files of a folder, in the order they were begun."""
    return sorted(folder.glob(PATTERN), key=lambda path: path.name)


def cut_after(folder: Path, step: int) -> None:
    """Remove every event beyond `step` and every torn record from the event files of a run."""
    for path in event_files(folder):
        keep, scalars = 0, False
        with path.open("rb") as stream:
            for record in read_records(stream):
                event = _parse(record.payload)
                if event is None or event.step > step:
                    break
                keep = record.end
                scalars = scalars or event.HasField("summary")
        if not scalars:
            path.unlink()
        elif keep < path.stat().st_size:
            os.truncate(path, keep)


def read_scalars(path: Path) -> Series:
    """Scalars by tag, steps ascending, from an event file or a folder of them.

    Files of any TensorBoard writer are read. Where a step was written twice the later value holds.
    A file that ends in the middle of a record is used up to there, with a warning.

    Raises
    ------
    PathMissing
        Nothing there.
    FileCorrupt
        No event file in the folder, or a file that does not begin like one.
    """
    if not path.exists():
        raise PathMissing(path=path, kind="event file or folder")
    files = event_files(path) if path.is_dir() else [path]
    if not files:
        remedy = "event files are named events.out.tfevents.*"
        raise FileCorrupt(path=path, reason="no event file in this folder", remedy=remedy)
    points: dict[str, dict[int, float]] = {}
    for file in files:
        for event in _events(file):
            for tag, value in _values(event):
                points.setdefault(tag, {})[event.step] = value
    return {tag: _series(of_tag) for tag, of_tag in points.items()}


def _series(points: Mapping[int, float]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    steps = np.array(sorted(points), dtype=np.int64)
    return steps, np.array([points[step] for step in steps.tolist()], dtype=np.float64)


def _events(path: Path) -> Iterator[Event]:
    end = 0
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            for record in read_records(stream):
                event = _parse(record.payload)
                if event is None:
                    break
                end = record.end
                yield event
    except OSError as error:
        raise FileCorrupt(
            path=path, reason=f"cannot be read ({error.strerror})", remedy=""
        ) from None
    if end == 0:
        remedy = "give a file written by TensorBoard's, torch's or resdepth's writer"
        raise FileCorrupt(path=path, reason="not an event file", remedy=remedy)
    if end < size:
        warnings.warn(
            f"{path}: broken off after {end} of {size} bytes; read up to there", stacklevel=2
        )


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
