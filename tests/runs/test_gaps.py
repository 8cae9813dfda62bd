"""Steps lost from a truncated event file: every reader reports them, without false alarms."""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import resdepth
from resdepth.analysis.cautions import cautions
from resdepth.analysis.fits import Filters, fit_files
from resdepth.analysis.report import report_on
from resdepth.analysis.study_runs import read_study
from resdepth.runs.events import event_files, read_recording, read_scalars
from resdepth.runs.framing import read_records
from resdepth.runs.gaps import described, gaps
from resdepth.runs.manifest import Manifest, read_manifest, write_manifest
from tests.support.events import scalar, write_events

SMALL = {"depth": 3, "width": 2, "epochs": 9, "threads": 1, "train_fraction": 0.05}


def trained(folder: Path, **given: Any) -> Path:
    resdepth.train(resdepth.TrainOptions(**{**SMALL, **given}), folder)
    return folder


def keep(run: Path, steps: int, more: int = 0) -> None:
    """Truncate the event file of a run `more` bytes after the last event of `steps` steps."""
    (path,) = event_files(run)
    with path.open("rb") as stream:
        # Version and options come first; validation after the loss of its step.
        ends = [record.end for record in read_records(stream)]
    path.write_bytes(path.read_bytes()[: ends[1 + steps] + more])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("runs") / "run", val_every=0)


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


READERS: dict[str, Callable[[Path], object]] = {
    "a scalar": lambda run: resdepth.open_run(run).scalars("loss"),
    "all scalars": read_scalars,
    "the only file": lambda run: read_scalars(event_files(run)[0]),
    "a fit": lambda run: fit_files([run], "loss", Filters(time="step"), 1.0),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_every_reader_names_the_missing_steps_once(
    read: Callable[[Path], object], run: Path
) -> None:
    keep(run, 4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read(run)
    (said,) = [str(one.message) for one in caught]
    assert "steps 4-9 of 'loss'" in said and str(run) in said and "truncated" in said


def test_a_report_cautions(run: Path) -> None:
    keep(run, 4)
    (experiment,) = report_on(read_study(run)).experiments
    said = list(cautions(experiment.cells, [read_manifest(run)]))
    assert any("steps 4-9 of 'loss'" in caution for caution in said)
    assert set(said) <= set(experiment.cautions)


@pytest.mark.parametrize("more", [0, 20])
def test_the_end_of_a_run_that_was_killed_is_not_missing(run: Path, more: int) -> None:
    write_manifest(run, read_manifest(run).model_copy(update={"outcome": "running", "steps": 0}))
    keep(run, 4, more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert read_recording(run).missing == {}


def test_files_outside_a_run_miss_nothing(tmp_path: Path) -> None:
    write_events(tmp_path / "events.out.tfevents.1", [scalar(step, 1.0) for step in (0, 1, 5, 9)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_scalars(tmp_path)["loss"][0].tolist() == [0, 1, 5, 9]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"log_every": 4, "p_var_every": 3, "val_every": 2},
        {"log_every": 7, "no_p_var": True, "store_grad": False},
        {"batch_size": 30, "val_every": 2, "log_every": 2},
        {"batch_size": 30, "stop_loss": 2.29, "val_every": 3},
        {"stop_loss": 2.0, "lr": 20.0, "log_every": 5},
        {"dynamic_lr": True, "lr": 3.0, "p_var_every": 2},
        {"data": "sin", "num_samples": 10, "lr": 0.1},
    ],
    ids=str,
)
def test_nothing_is_missing_from_a_whole_run(tmp_path: Path, given: dict[str, Any]) -> None:
    assert read_recording(trained(tmp_path / "run", **given)).missing == {}


def manifest(program: str = "train", steps: int = 30, **options: Any) -> Manifest:
    known = {"log_every": 1, "p_var_every": 1, "val_every": 1, "epochs": 3, "batch_size": 8}
    fields = {"versions": {}, "platform": "", "started": "", "command": [], "seed": 0}
    return Manifest(
        program=program, options=known | options, outcome="finished", steps=steps, **fields
    )


@pytest.mark.parametrize(
    ("tag", "run", "there", "lost"),
    [
        # Ten steps an epoch.
        ("loss", manifest(), {*range(10), *range(20, 31)}, ((10, 19),)),
        ("loss", manifest(log_every=10), {0, 30}, ((10, 20),)),
        ("loss", manifest(log_every=7), {0, 7, 14, 21, 28}, ((30, 30),)),
        ("p_variation_norm/2", manifest(p_var_every=4, log_every=6), {0, 24}, ((12, 12),)),
        ("val/loss", manifest(), {0, 10, 30}, ((20, 20),)),
        ("val/loss", manifest(val_every=0), {30}, ()),
        ("loss", manifest("resnet-cifar"), {*range(29)}, ((29, 29),)),
        ("val/accuracy", manifest("resnet-cifar"), {10, 30}, ((20, 20),)),
        ("val/accuracy", manifest("resnet-cifar", val_every=2), {20, 30}, ()),
        ("of my own", manifest(), {0, 5}, ()),
    ],
)
def test_what_is_missing_follows_from_the_options(
    tag: str, run: Manifest, there: set[int], lost: tuple[tuple[int, int], ...]
) -> None:
    assert gaps(run, {tag: there}).get(tag, ()) == lost


@pytest.mark.parametrize(
    ("every", "validated"), [(2, {24, 48, 60}), (3, {18, 24}), (3, {6, 18, 36})], ids=str
)
def test_an_extended_run_misses_nothing(every: int, validated: set[int]) -> None:
    # Each of them was validated at an end between two regular validations.
    known = manifest("resnet-cifar", steps=61, val_every=every)
    stopped = known.model_copy(update={"outcome": "interrupted"})
    assert "val/loss" not in gaps(stopped, {"loss": range(61), "val/loss": validated})


def test_a_message_is_short() -> None:
    many = tuple((step, step) for step in range(0, 20, 2))
    (single,) = described(Path("r"), {"loss": ((3, 3),)})
    assert single.startswith("r: step 3 of 'loss' is missing")
    (joined,) = described(Path("r"), {"loss": ((1, 5), (9, 9)), "lr": ((1, 5), (9, 9)),
                                      "val/loss": ((4, 4),)})  # fmt: skip
    assert joined.startswith("r: steps 1-5, 9 of 'loss' and 2 other scalars are missing")
    (cut,) = described(Path("r"), {"loss": many})
    assert "steps 0, 2, 4, 6, 8 and 5 further ranges of 'loss'" in cut
