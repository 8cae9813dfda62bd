"""Event files read raw and written by TensorBoard's own records: nothing is merged or hidden."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

Points = dict[tuple[str, int], float]


def raw_scalars(run: Path) -> list[tuple[str, int, float]]:
    """Tag, step and value of every scalar in every event file, in the order written."""
    found = []
    for file in sorted(run.glob("events.out.tfevents.*")):
        for payload in RawEventFileLoader(str(file)).Load():
            event = Event.FromString(payload)
            values = [v for v in event.summary.value if v.HasField("simple_value")]
            found += [(v.tag, event.step, v.simple_value) for v in values]
    return found


def points(run: Path) -> Points:
    """The scalars by tag and step; a step that was written twice fails the test."""
    scalars = raw_scalars(run)
    doubled = [key for key, n in Counter((tag, step) for tag, step, _ in scalars).items() if n > 1]
    assert not doubled, f"written twice: {doubled[:5]}"
    return {(tag, step): value for tag, step, value in scalars}


def scalar(step: int, value: float, tag: str = "loss", time: float | None = None) -> Event:
    """A scalar as TensorBoard's first writers and torch have it, by default at second `step`."""
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
    return Event(wall_time=1e9 + step if time is None else time, step=step, summary=summary)


def start(step: int, time: float) -> Event:
    """What a writer that restarts at `step` says (torch's `purge_step`, TensorFlow's sessions)."""
    return Event(wall_time=time, step=step, session_log=SessionLog(status=SessionLog.START))


def image(step: int, content: bytes) -> Event:
    """An image of `content`, which nobody decodes."""
    picture = Summary.Image(height=1, width=1, colorspace=3, encoded_image_string=content)
    return Event(wall_time=1e9 + step, step=step, summary=Summary(value=[{"image": picture}]))


def write_events(path: Path, events: Iterable[Event], time: float = 1e9) -> Path:
    """An event file by TensorBoard's own record writer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        writer = RecordWriter(stream)
        for event in (Event(wall_time=time, file_version="brain.Event:2"), *events):
            writer.write(event.SerializeToString())
        writer.flush()
    return path
