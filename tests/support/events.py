"""Event files read raw, by TensorBoard's own record reader: nothing is merged or hidden."""

from collections import Counter
from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event

Points = dict[tuple[str, int], float]


def raw_scalars(run: Path) -> list[tuple[str, int, float]]:
    """Tag, step and value of every scalar in every event file, in the order written."""
    found = []
    for file in sorted(run.glob("events.out.tfevents.*")):
        for payload in RawEventFileLoader(str(file)).Load():
            event = Event.FromString(payload)
            found += [(v.tag, event.step, v.simple_value) for v in event.summary.value]
    return found


def points(run: Path) -> Points:
    """The scalars by tag and step; a step that was written twice fails the test."""
    scalars = raw_scalars(run)
    doubled = [key for key, n in Counter((tag, step) for tag, step, _ in scalars).items() if n > 1]
    assert not doubled, f"written twice: {doubled[:5]}"
    return {(tag, step): value for tag, step, value in scalars}
