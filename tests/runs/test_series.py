"""Several event files of one folder as one series: restarts, overlaps, doubled steps."""

from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from resdepth.runs.events import event_files, read_recording, read_scalars
from tests.support.events import scalar, start, write_events

NAME = "events.out.tfevents.{:010d}.host"


def points(steps, value: float, time: float | None = None, tag: str = "loss"):
    """The constant `value` at `steps`, a second apart from `time` on."""
    return [
        scalar(step, value, tag, None if time is None else time + i) for i, step in enumerate(steps)
    ]


def write(folder: Path, *files) -> Path:
    for number, events in enumerate(files):
        write_events(folder / NAME.format(number), events)
    return folder


def read(folder: Path, tag: str = "loss") -> tuple[list[int], list[float], str]:
    recording = read_recording(folder)
    steps, values = recording.series[tag]
    return steps.tolist(), values.tolist(), " | ".join(recording.notes[tag])


def test_a_restart_replaces_the_branch_that_it_abandons(tmp_path: Path) -> None:
    write(tmp_path, points(range(8), 1), [start(5, 2e9), *points(range(5, 7), 2, 2e9)])
    steps, values, notes = read(tmp_path)
    assert (steps, values) == ([0, 1, 2, 3, 4, 5, 6], [1] * 5 + [2] * 2)
    assert f"a restart at step 5 in {NAME.format(1)} replaces 3 earlier points" in notes


def test_a_restart_applies_to_scalars_that_are_not_written_again(tmp_path: Path) -> None:
    later = [*points(range(8), 1), *points(range(8), 1, tag="lr")]
    write(tmp_path, later, [start(5, 2e9), *points(range(5, 7), 2, 2e9)])
    assert read(tmp_path, "lr")[0] == [0, 1, 2, 3, 4]


def test_a_restart_from_the_first_step_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path, points(range(8), 1), [start(0, 2e9), *points(range(3), 2, 2e9)])
    steps, values, notes = read(tmp_path)
    assert (steps, values) == ([0, 1, 2], [2, 2, 2]) and "replaces 8 earlier points" in notes


def test_a_restart_beyond_the_end_replaces_nothing(tmp_path: Path) -> None:
    write(tmp_path, points(range(4), 1), [start(4, 2e9), *points(range(4, 6), 2, 2e9)])
    assert read(tmp_path) == ([0, 1, 2, 3, 4, 5], [1, 1, 1, 1, 2, 2], "")


def test_a_restart_within_a_file(tmp_path: Path) -> None:
    write(tmp_path, [*points(range(8), 1), start(2, 2e9), *points(range(2, 4), 2, 2e9)])
    steps, values, notes = read(tmp_path)
    assert (steps, values) == ([0, 1, 2, 3], [1, 1, 2, 2]) and "replaces 6 earlier points" in notes


def test_two_restarts_one_after_the_other(tmp_path: Path) -> None:
    second = [start(6, 2e9), *points(range(6, 12), 2, 2e9)]
    third = [start(4, 3e9), *points(range(4, 5), 3, 3e9)]
    write(tmp_path, points(range(8), 1), second, third)
    steps, values, notes = read(tmp_path)
    assert (steps, values) == ([0, 1, 2, 3, 4], [1, 1, 1, 1, 3])
    assert "replaces 2 earlier points" in notes and "replaces 8 earlier points" in notes


@pytest.mark.parametrize("first", [0, 3, 7, 9])
def test_torchs_purge_step_is_read_as_tensorboard_reads_it(tmp_path: Path, first: int) -> None:
    for purge, steps in ((None, range(8)), (first, range(first, first + 4))):
        suffix = "" if purge is None else ".second"
        with SummaryWriter(str(tmp_path), purge_step=purge, filename_suffix=suffix) as writer:
            for step in steps:
                writer.add_scalar("loss", len(suffix) + step / 4, step)
    board = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0})
    board.Reload()
    theirs = [(event.step, event.value) for event in board.Scalars("loss")]
    steps, values, _ = read(tmp_path)
    assert list(zip(steps, values, strict=True)) == theirs


def test_a_file_that_falls_back_is_a_restart(tmp_path: Path) -> None:
    write(tmp_path, points(range(8), 1), points(range(5, 7), 2, 2e9))
    steps, values, notes = read(tmp_path)
    assert (steps, values) == ([0, 1, 2, 3, 4, 5, 6], [1] * 5 + [2] * 2)
    assert f"fall back to 5 in {NAME.format(1)}, a restart: 3 earlier points" in notes


def test_two_runs_in_one_folder_are_two_series(tmp_path: Path) -> None:
    write(tmp_path, points(range(8), 1), points(range(5), 2, 2e9))
    steps, values, notes = read(tmp_path)
    # The later one alone: never the start of one with the end of another.
    assert (steps, values) == ([0, 1, 2, 3, 4], [2] * 5)
    assert "two series of 'loss'" in notes and "8 of their points are left out" in notes


def test_two_writers_at_once_are_two_series(tmp_path: Path) -> None:
    write(tmp_path, points(range(0, 20, 2), 1), points(range(1, 20, 2), 2))
    steps, values, notes = read(tmp_path)
    assert steps == [0, *range(1, 20, 2)] and set(values) == {1, 2}
    assert "two series of 'loss'" in notes and "overlaps earlier files from step 1 on" in notes


def test_a_file_of_another_tag_leaves_the_first_alone(tmp_path: Path) -> None:
    write(tmp_path, points(range(8), 1), points(range(3), 2, 2e9, tag="val/loss"))
    assert read(tmp_path) == (list(range(8)), [1] * 8, "")
    assert read(tmp_path, "val/loss") == ([0, 1, 2], [2] * 3, "")


def test_consecutive_files_are_one_series_without_remarks(tmp_path: Path) -> None:
    write(tmp_path, *(points(range(4 * i, 4 * i + 4), i) for i in range(12)))
    steps, values, notes = read(tmp_path)
    assert (steps, notes) == (list(range(48)), "")
    assert values == np.repeat(np.arange(12.0), 4).tolist()


@pytest.mark.parametrize("names", [("9", "10"), ("9.b", "10.a"), ("999", "1700000000.z")])
def test_files_come_in_the_order_of_their_stamps(tmp_path: Path, names: tuple[str, str]) -> None:
    for name in names:
        write_events(tmp_path / f"events.out.tfevents.{name}", [])
    assert [file.name.split(".", 3)[-1] for file in event_files(tmp_path)] == list(names)


@pytest.mark.parametrize(
    "name", ["tfevents", "run1.tfevents", "events.tfevents.v2", "my-events.out.tfevents.5.gz.x"]
)
def test_every_name_with_tfevents_is_an_event_file(tmp_path: Path, name: str) -> None:
    write_events(tmp_path / name, points(range(3), 1))
    (tmp_path / "events.txt").write_text("not this one")
    (tmp_path / "tfevents.folder").mkdir()
    assert [file.name for file in event_files(tmp_path)] == [name]
    assert read(tmp_path)[0] == [0, 1, 2]


@pytest.mark.parametrize("copies", [2, 5])
def test_doubled_steps_are_counted(tmp_path: Path, copies: int) -> None:
    write(tmp_path, [e for i in range(copies) for e in points(range(4), i, 1e9 + 10 * i)])
    steps, values, notes = read(tmp_path)
    assert (steps, values) == ([0, 1, 2, 3], [copies - 1] * 4)
    assert f"{4 * copies - 4} of {4 * copies} points of 'loss' share a step" in notes


def test_doubled_steps_of_all_files_are_counted(tmp_path: Path) -> None:
    twice = [e for i in range(2) for e in points(range(4), i, 1e9 + 10 * i)]
    thrice = [e for i in range(3) for e in points(range(4, 9), i, 2e9 + 10 * i)]
    write(tmp_path, twice, thrice)
    steps, values, notes = read(tmp_path)
    assert (steps, values) == (list(range(9)), [1] * 4 + [2] * 5)
    assert "14 of 23 points of 'loss' share a step" in notes


def test_points_without_steps_are_counted(tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        for value in range(50):
            writer.add_scalar("loss", value)
    steps, values, notes = read(tmp_path)
    assert (steps, values) == ([0], [49]) and "49 of 50 points of 'loss' share a step" in notes


def test_steps_out_of_order_in_one_file_are_sorted_without_remarks(tmp_path: Path) -> None:
    write(tmp_path, points((3, 1, 2), 1))
    assert read(tmp_path) == ([1, 2, 3], [1] * 3, "")


def test_remarks_become_warnings(tmp_path: Path) -> None:
    write(tmp_path, points(range(8), 1), points(range(5, 7), 2, 2e9))
    with pytest.warns(UserWarning, match="fall back to 5"):
        read_scalars(tmp_path)
