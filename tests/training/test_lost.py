"""A run whose event file was truncated is resumed: complete to the same bits, or it says why."""

import warnings
from pathlib import Path
from typing import Any

import pytest

import resdepth
from resdepth.runs.checkpoint import step_path
from resdepth.runs.folder import reopen_run
from resdepth.runs.manifest import read_manifest, write_manifest
from resdepth.training import dense
from resdepth.training.observer import Observer
from resdepth.training.session import conduct
from tests.runs.test_gaps import keep, trained
from tests.support.runs import assert_same, whole


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return trained(folder, checkpoint_every=3, val_every=2, epochs=12)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return trained(tmp_path / "run", checkpoint_every=3, val_every=2)


def resumed(run: Path, **given: Any) -> list[str]:
    """What is warned of while a run is resumed."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        conduct(reopen_run(run, "train", given), dense.prepare, Observer())
    return [str(one.message) for one in caught]


@pytest.mark.parametrize(("steps", "more"), [(6, 0), (6, 30), (9, 5)])
def test_lost_records_are_made_again_to_the_same_bits(
    run: Path, unbroken: Path, steps: int, more: int
) -> None:
    keep(run, steps, more)
    (said,) = resumed(run, epochs=12)
    assert "of 'loss' and" in said and "are missing" in said and "again from the checkpoint" in said
    assert_same(whole(run), whole(unbroken))
    assert resumed(run) == []


def test_a_finished_run_is_completed(run: Path) -> None:
    before = whole(run)
    keep(run, 6)
    (said,) = resumed(run)
    assert "again from the checkpoint of step 3 on" in said
    assert_same(whole(run), before)


def test_without_an_earlier_checkpoint_the_gap_is_named_and_stays(run: Path) -> None:
    for step in (3, 6):
        step_path(run, step).unlink()
    keep(run, 5)
    (said,) = resumed(run, epochs=12)
    assert "steps 3-8 of 'loss'" in said and "no checkpoint before them" in said
    with pytest.warns(UserWarning, match="steps 3-8 of 'loss'"):
        steps, _ = resdepth.open_run(run).scalars("loss")
    assert steps.tolist() == [0, 1, 2, 9, 10, 11, 12]


def test_another_version_does_not_train_again_what_is_done(run: Path) -> None:
    found = read_manifest(run)
    write_manifest(run, found.model_copy(update={"versions": {"torch": "1.0"}}))
    keep(run, 6)
    before = whole(run)
    (said,) = resumed(run)
    assert "steps 4-8 of 'loss'" in said and "would not give the same weights" in said
    assert_same(whole(run), before)


def test_all_events_lost(run: Path) -> None:
    for path in run.glob("events.out.tfevents.*"):
        path.unlink()
    (said,) = resumed(run, epochs=12)
    assert "steps 0-8 of 'loss' are missing" in said and "no checkpoint before them" in said
