"""Event files of others and of ours, from the file to the fit."""

import json
from pathlib import Path

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from resdepth.analysis.curvefit import Filters, event_sources, fit_file, fit_files, fit_numbers
from resdepth.errors import AnalysisImpossible, PathMissing
from resdepth.records import as_json

T = np.arange(1.0, 301)
TAG = "avg_grad_norm"


def write_events(folder: Path, values, tag: str = TAG) -> Path:
    with SummaryWriter(folder) as writer:
        for step, value in enumerate(values):
            writer.add_scalar(tag, value, step)
    return next(folder.glob("events.*"))


def test_a_power_law_comes_back_from_an_event_file(tmp_path: Path) -> None:
    path = write_events(tmp_path, 2.0 / (T + 7) ** 0.8)
    fit = fit_file(path, TAG, Filters(), None).fit
    # Events hold float32.
    found = [fit.C.value, fit.T0.value, fit.rho.value]
    np.testing.assert_allclose(found, [2.0, 7.0, 0.8], rtol=1e-4)
    assert (fit.points, fit.identified) == (300, True)


def test_scaling_stretches_the_time(tmp_path: Path) -> None:
    path = write_events(tmp_path, 2.0 / (0.1 * T + 7) ** 0.8)
    fit = fit_file(path, TAG, Filters(scaling_x=0.1), None).fit
    assert fit.T0.value == pytest.approx(7.0, rel=1e-3)


def test_filters_reach_the_fit(tmp_path: Path) -> None:
    path = write_events(tmp_path, 2.0 / (T + 7) ** 0.8)
    curve = fit_file(path, TAG, Filters(window_size=10, filter_period=3), 7.0)
    # 60 of 300 go with the windows, a third of the other 240 with the period.
    assert curve.fit.points == len(curve.filtered_t) == 160
    assert len(curve.t) == len(curve.y) == 300


def test_each_event_folder_is_a_curve(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_events(tmp_path / name, 1 / T)
    assert list(event_sources(tmp_path)) == [tmp_path / "a", tmp_path / "b"]
    fits = fit_files([tmp_path, tmp_path / "a"], TAG, Filters(), 0.0)
    assert [fit.file.name for fit in fits] == ["a", "b"]


def test_an_unknown_tag_lists_the_known_ones(tmp_path: Path) -> None:
    path = write_events(tmp_path, 1 / T, "loss")
    with pytest.raises(AnalysisImpossible, match="no scalar 'avg_grad_norm'") as caught:
        fit_file(path, TAG, Filters(), 1.0)
    assert "loss" in caught.value.advice()


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(PathMissing):
        list(event_sources(tmp_path / "nowhere"))
    with pytest.raises(AnalysisImpossible, match="no event file"):
        list(event_sources(tmp_path))


def test_a_file_cut_in_a_record_is_used_up_to_there(tmp_path: Path) -> None:
    path = write_events(tmp_path, 2.0 / (T + 7) ** 0.8)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.warns(UserWarning, match="broken off"):
        fit = fit_file(path, TAG, Filters(), None).fit
    assert 200 < fit.points < 300
    assert fit.rho.value == pytest.approx(0.8, rel=1e-3)


def test_numbers_have_the_documented_shape(tmp_path: Path) -> None:
    write_events(tmp_path / "run", 2.0 / (T + 7) ** 0.8)
    write_events(tmp_path / "short", [2.0, 1.0])
    fits = fit_files([tmp_path], TAG, Filters(), None)
    found = json.loads(as_json(fit_numbers(fits)))["fits"]
    for row in found:
        assert {"file", "tag", "C", "T0", "rho", "r_squared", "points", "identified"} <= set(row)
        assert set(row["rho"]) == {"value", "standard_error", "interval"}
    assert found[0]["identified"] and len(found[0]["rho"]["interval"]) == 2
    # What is not known is null, not NaN, which is no JSON.
    assert found[1]["rho"]["value"] is None and found[1]["reason"] == "too few points"
