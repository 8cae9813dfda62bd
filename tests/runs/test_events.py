"""Event files: TensorBoard reads them, damage costs only damaged records, and they can be cut."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event

from resdepth.errors import Corrupt, Missing
from resdepth.runs.events import EventLog, cut_after, event_files, read_scalars
from resdepth.runs.framing import read_records
from tests.support.events import image, points, raw_scalars, scalar, write_events
from tests.support.messages import refused


def write(folder: Path, steps: range, scale: float = 1.0) -> Path:
    log = EventLog(folder)
    for step in steps:
        log.write(step, {"loss": scale * step, "lr": 0.5})
    log.close()
    return log.path


def test_tensorboard_reads_them(tmp_path: Path) -> None:
    write(tmp_path, range(10))
    board = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0})
    board.Reload()
    assert sorted(board.Tags()["scalars"]) == ["loss", "lr"]
    assert [(e.step, e.value) for e in board.Scalars("loss")] == [(s, float(s)) for s in range(10)]


def test_a_file_begins_with_its_version_and_the_time(tmp_path: Path) -> None:
    before = time.time()
    payloads = list(RawEventFileLoader(str(write(tmp_path, range(2)))).Load())
    events = [Event.FromString(payload) for payload in payloads]
    assert [event.file_version for event in events] == ["brain.Event:2", "", ""]
    assert all(before <= event.wall_time <= time.time() for event in events)


def test_torchs_writer_is_read(tmp_path: Path) -> None:
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(str(tmp_path)) as writer:
        for step in (3, 1, 2):
            writer.add_scalar("loss", step / 4, step)
            writer.add_scalar("new", step / 8, step, new_style=True)
    series = read_scalars(tmp_path)
    for tag, scale in (("loss", 4), ("new", 8)):
        steps, values = series[tag]
        assert steps.tolist() == [1, 2, 3]
        assert values.tolist() == [s / scale for s in (1, 2, 3)]


def test_several_starts_make_one_series(tmp_path: Path) -> None:
    write(tmp_path, range(6))
    cut_after(tmp_path, 3)
    write(tmp_path, range(4, 9), scale=-1.0)
    assert len(event_files(tmp_path)) == 2
    steps, values = read_scalars(tmp_path)["loss"]
    assert steps.tolist() == list(range(9))
    assert values.tolist() == [0, 1, 2, 3, -4, -5, -6, -7, -8]
    assert sorted(points(tmp_path)) == sorted((t, s) for t in ("loss", "lr") for s in range(9))


@pytest.mark.parametrize("step", [-1, 0, 4, 9, 50])
def test_cutting(tmp_path: Path, step: int) -> None:
    write(tmp_path, range(5))
    write(tmp_path, range(5, 10))
    cut_after(tmp_path, step)
    left = [s for tag, s, _ in raw_scalars(tmp_path) if tag == "loss"]
    assert left == [s for s in range(10) if s <= step]
    # A file without scalars is not left behind.
    assert len(event_files(tmp_path)) == (0 if step < 0 else 1 if step < 5 else 2)


@pytest.mark.parametrize("lost", [1, 7, 15, 30])
def test_a_truncated_record_is_cut_and_skipped(tmp_path: Path, lost: int) -> None:
    path = write(tmp_path, range(10))
    os.truncate(path, path.stat().st_size - lost)
    with pytest.warns(UserWarning, match="truncated"):
        steps, _ = read_scalars(tmp_path)["loss"]
    assert steps.tolist() == list(range(9))
    cut_after(tmp_path, 100)
    assert [s for tag, s, _ in raw_scalars(tmp_path) if tag == "loss"] == list(range(9))
    assert read_scalars(tmp_path)["loss"][0].tolist() == list(range(9))


def test_a_flipped_bit_ends_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, range(10))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="truncated"):
        steps, _ = read_scalars(path)["loss"]
    assert steps.tolist() == list(range(len(steps))) and 0 < len(steps) < 10


def test_values_are_float32_and_exact(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    values = [1 / 3, 1e-30, -2.5, 1e30]
    for step, value in enumerate(values):
        log.write(step, {"x": value})
    log.close()
    found = read_scalars(tmp_path)["x"][1]
    assert np.array_equal(found, np.array(values, dtype=np.float32).astype(np.float64))


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 100])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(content)
    with refused(Corrupt, match="not an event file"):
        read_scalars(path)


BAD = {"empty": b"", "text": b"hello", "foreign": b"PK" * 500, "zeros": bytes(4096)}


@pytest.mark.parametrize("name", ["events.out.tfevents.0", "events.out.tfevents.9999999999.x"])
@pytest.mark.parametrize("content", BAD)
def test_a_bad_file_beside_good_ones_is_left_out(tmp_path: Path, name: str, content: str) -> None:
    write(tmp_path, range(10))
    (tmp_path / name).write_bytes(BAD[content])
    with pytest.warns(UserWarning, match=f"{name}: not an event file.*; left out"):
        assert read_scalars(tmp_path)["loss"][0].tolist() == list(range(10))


def test_a_truncated_file_is_read_up_to_the_damage(tmp_path: Path) -> None:
    first = write(tmp_path, range(10))
    write(tmp_path, range(10, 20))
    os.truncate(first, first.stat().st_size - 5)
    with pytest.warns(UserWarning, match="damaged or truncated after"):
        steps, _ = read_scalars(tmp_path)["loss"]
    assert steps.tolist() == [*range(9), *range(10, 20)]


def test_only_bad_files_are_an_error(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"events.out.tfevents.{number}").write_bytes(b"")
    with refused(Corrupt, match=r"tfevents\.0: not an event file: it is empty"):
        read_scalars(tmp_path)


def test_linked_files_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "store", range(10))
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / path.name).symlink_to(path)
    assert read_scalars(tmp_path / "links")["loss"][0].tolist() == list(range(10))


def test_scalars_among_images_are_found(tmp_path: Path) -> None:
    events = [e for step in range(5) for e in (scalar(step, 1.0), image(step, bytes(100_000)))]
    write_events(tmp_path / "events.out.tfevents.1", events)
    assert read_scalars(tmp_path)["loss"][0].tolist() == list(range(5))


def test_only_files_with_our_name_are_cut(tmp_path: Path) -> None:
    path = write(tmp_path, range(10))
    other = path.rename(tmp_path / "kept.tfevents")
    content = other.read_bytes()
    cut_after(tmp_path, 3)
    assert other.read_bytes() == content


def test_missing_files(tmp_path: Path) -> None:
    with refused(Missing, match="no event file in this folder"):
        read_scalars(tmp_path)
    with refused(Missing, match="no such event file"):
        read_scalars(tmp_path / "x")


def damaged(path: Path, number: int, byte: int) -> None:
    """Change one byte of the record that is `number` from the start."""
    with path.open("rb") as stream:
        records = list(read_records(stream))
    content = bytearray(path.read_bytes())
    content[records[number].start + byte] ^= 0x10
    path.write_bytes(content)


# A byte of the length, of its checksum, of the payload.
@pytest.mark.parametrize("byte", [0, 3, 7, 9, 14, 20])
def test_events_after_a_damaged_one_are_kept(tmp_path: Path, byte: int) -> None:
    path = write(tmp_path, range(10))
    damaged(path, 4, byte)
    with pytest.warns(UserWarning, match="a damaged record at byte [0-9]+ is left out"):
        cut_after(tmp_path, 7)
    assert {step for _, step in points(tmp_path)} == {0, 1, 2, 4, 5, 6, 7}


def test_two_damaged_records(tmp_path: Path) -> None:
    path = write(tmp_path, range(10))
    damaged(path, 3, 2)
    content = bytearray(path.read_bytes())
    content[-2] ^= 1  # The last record's checksum.
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="damaged"):
        cut_after(tmp_path, 9)
    assert read_scalars(tmp_path)["loss"][0].tolist() == [0, 1, 3, 4, 5, 6, 7, 8]


def test_an_undamaged_file_is_not_written_again(tmp_path: Path) -> None:
    path = write(tmp_path, range(4))
    before = path.stat().st_ino
    cut_after(tmp_path, 3)
    assert path.stat().st_ino == before
