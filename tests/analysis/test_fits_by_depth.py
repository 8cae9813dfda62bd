"""Fits of several runs are averaged over the same steps of like runs, or not at all."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

import resdepth
from resdepth.analysis.fits import CurveFit, Filters, common_points, fit_files, fits_by_depth
from resdepth.figures.decay import draw_decays
from resdepth.runs.events import event_files
from resdepth.runs.manifest import read_manifest, write_manifest
from tests.support.events import scalar, write_events

TAG = "avg_grad_norm"


def law(step: int) -> float:
    return 2.0 / (step + 1) ** 1.5


def run(folder: Path, seed: int, every: int, **given: object) -> None:
    """A run of 60 steps whose Omega is one power law, recorded at each `every`-th of them."""
    small = {"depth": 3, "width": 2, "epochs": 60, "threads": 1, "train_fraction": 0.05}
    options = resdepth.TrainOptions(**{**small, "seed": seed, "log_every": every, **given})
    resdepth.train(options, folder)
    for path in event_files(folder):
        path.unlink()
    steps = sorted({*range(0, 60, every), 60})
    write_events(
        folder / "events.out.tfevents.1",
        [scalar(s, law(s), t) for s in steps for t in (TAG, "loss")],
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds that recorded each step, one each third, one each fifth."""
    folder = tmp_path_factory.mktemp("runs")
    for seed, every in enumerate((1, 1, 3, 5)):
        run(folder / str(seed), seed, every, lr=0.1)
    return folder


def fitted(folder: Path, time: str = "step") -> tuple[CurveFit, ...]:
    return fit_files([folder], TAG, Filters(time=time), None)  # type: ignore[arg-type]


def test_values_of_one_step_are_averaged(runs: Path) -> None:
    t, values = common_points(fitted(runs))
    assert t.tolist() == [0, 15, 30, 45, 60]
    np.testing.assert_allclose(values, [[law(int(s)) for s in t]] * 4, rtol=1e-6)


def test_the_median_lies_on_the_law_that_all_follow(runs: Path) -> None:
    (group,) = fits_by_depth(fitted(runs))
    curves, _ = draw_decays([group]).axes
    t, median = curves.lines[0].get_data()
    np.testing.assert_allclose(median, [law(int(s)) for s in t], rtol=1e-6)


def test_numbers_of_points_are_no_common_time(runs: Path) -> None:
    with pytest.warns(UserWarning, match=r"no means by depth: .* `time=step`"):
        assert fits_by_depth(fitted(runs, "index")) == ()
    # The points of runs that recorded the same steps are of the same steps.
    (group,) = fits_by_depth(fitted(runs, "index")[:2])
    assert len(group.fits) == 2


def test_runs_without_a_step_in_common_are_not_averaged(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs, tmp_path, dirs_exist_ok=True)
    for name, steps in (("0", range(0, 60, 2)), ("1", range(1, 60, 2))):
        path = tmp_path / name / "events.out.tfevents.1"
        write_events(path, [scalar(step, law(step), TAG) for step in steps])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits = fitted(tmp_path)[:2]
    with pytest.warns(UserWarning, match="depth 3 have no recorded step in common"):
        assert fits_by_depth(fits) == ()


def test_other_options_are_not_averaged(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs, tmp_path, dirs_exist_ok=True)
    run(tmp_path / "other", 9, 1, lr=0.2)
    with pytest.warns(UserWarning, match=r"no means by depth: the runs differ in --lr 0.1; --lr"):
        assert fits_by_depth(fitted(tmp_path)) == ()


def test_copies_and_unfinished_runs_do_not_count(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs, tmp_path, dirs_exist_ok=True)
    shutil.copytree(runs / "0", tmp_path / "copy")
    cut = tmp_path / "3"
    write_manifest(cut, read_manifest(cut).model_copy(update={"outcome": "diverged"}))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (group,) = fits_by_depth(fitted(tmp_path))
    assert [curve.file.name for curve in group.fits] == ["0", "1", "2"]
    said = " ".join(str(one.message) for one in caught)
    assert "it repeats" in said and "diverged" in said
