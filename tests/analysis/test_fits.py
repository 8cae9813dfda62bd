"""Event files of others and of ours, from the file to the fit."""

import json
from pathlib import Path

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from resdepth.analysis.fits import Filters, event_sources, fit_file, fit_files, fit_numbers
from resdepth.cli.console import line
from resdepth.errors import Corrupt, Impossible, Missing
from resdepth.records import as_json
from resdepth.runs.folder import EVENTS_OF_OLD
from tests.support.events import scalar
from tests.support.events import write_events as write_raw
from tests.support.messages import refused

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
    with refused(Missing, match="no scalar 'avg_grad_norm'") as caught:
        fit_file(path, TAG, Filters(), 1.0)
    assert "loss" in caught.value.remedy


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(Missing):
        list(event_sources(tmp_path / "nowhere"))
    with pytest.raises(Missing):
        list(event_sources(tmp_path))


def test_a_file_cut_in_a_record_is_used_up_to_there(tmp_path: Path) -> None:
    path = write_events(tmp_path, 2.0 / (T + 7) ** 0.8)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.warns(UserWarning, match="truncated"):
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


NAME = "events.out.tfevents.1.host"
LOG_SPACED = sorted({round(10 ** (5 * i / 79)) for i in range(80)})
DENSER = [*range(10, 500, 10), *range(500, 1000, 5)]
FIRST_TOO = [1, *range(10, 500, 10)]
HOLED = [*range(100), *range(150, 300)]
EARLY_END = [*range(0, 500, 10), 495]


def law(folder: Path, steps) -> Path:
    write_raw(folder / NAME, [scalar(k, 2.0 / (k + 1) ** 0.7, TAG) for k in steps])
    return folder


@pytest.mark.parametrize("steps", [LOG_SPACED, DENSER, FIRST_TOO, HOLED])
def test_uneven_steps_are_named_and_taken_for_the_time(tmp_path: Path, steps) -> None:
    with pytest.warns(UserWarning, match=r"unevenly spaced .* `time=step`"):
        by_index = fit_file(law(tmp_path, steps), TAG, Filters(), 1.0).fit
    by_step = fit_file(tmp_path, TAG, Filters(time="step"), 1.0).fit
    assert by_step.rho.value == pytest.approx(0.7, rel=1e-5)
    assert abs(by_index.rho.value - 0.7) > 0.01


@pytest.mark.parametrize("steps", [range(100), range(1, 101), range(0, 990, 10), EARLY_END, [7]])
def test_even_steps_are_no_matter(tmp_path: Path, steps, recwarn) -> None:
    fit_file(law(tmp_path, steps), TAG, Filters(), 1.0)
    assert [str(w.message) for w in recwarn if w.category is UserWarning] == []


def test_a_record_without_its_beginning_is_named(tmp_path: Path) -> None:
    law(tmp_path, range(1000, 1300))
    with pytest.warns(
        UserWarning, match=r"begins at step 1000, which counts as t = 1; `time=step`"
    ):
        fit_file(tmp_path, TAG, Filters(), 1.0)
    fit = fit_file(tmp_path, TAG, Filters(time="step"), 1.0).fit
    assert fit.rho.value == pytest.approx(0.7, rel=1e-3)


def test_without_a_shift_the_beginning_is_no_matter(tmp_path: Path, recwarn) -> None:
    fit_file(law(tmp_path, range(1000, 1300)), TAG, Filters(), None)
    assert [str(w.message) for w in recwarn if w.category is UserWarning] == []


@pytest.mark.parametrize("there", [False, True])
def test_the_folder_of_old_events_is_the_run_where_it_is_gone(tmp_path: Path, there: bool) -> None:
    law(tmp_path, range(50))
    if there:
        law(tmp_path / EVENTS_OF_OLD, range(50))
    expected = tmp_path / EVENTS_OF_OLD if there else tmp_path
    assert list(event_sources(tmp_path / EVENTS_OF_OLD)) == [expected]


@pytest.mark.parametrize("first", [0, 1, 500])
def test_t0_is_inferred_from_steps_wherever_they_begin(tmp_path: Path, first: int) -> None:
    law(tmp_path, range(first, first + 900, 3))
    fit = fit_file(tmp_path, TAG, Filters(time="step", scaling_x=0.5), None).fit
    assert (fit.T0.value, fit.rho.value) == pytest.approx((0.5, 0.7), rel=5e-2)


def test_filters_take_the_times_along(tmp_path: Path) -> None:
    law(tmp_path, LOG_SPACED)
    curve = fit_file(tmp_path, TAG, Filters(filter_period=2, time="step"), 1.0)
    assert curve.filtered_t.tolist() == LOG_SPACED[::2]


@pytest.mark.parametrize("shift", [-0.5, 0.0, -7.0])
def test_a_time_that_is_not_positive_is_refused(tmp_path: Path, shift: float) -> None:
    law(tmp_path, range(50))
    with refused(Impossible, match="t begins at 0 and T0 = "):
        fit_file(tmp_path, TAG, Filters(time="step"), shift)


@pytest.mark.parametrize("shift", [1e12, 1e300])
def test_a_shift_that_drowns_the_times_is_refused(tmp_path: Path, shift: float) -> None:
    law(tmp_path, range(50))
    with refused(Impossible, match="so large that"):
        fit_file(tmp_path, TAG, Filters(), shift)


def test_runs_without_the_tag_leave_the_others(tmp_path: Path) -> None:
    for name in ("a", "c"):
        law(tmp_path / name, range(50))
    write_events(tmp_path / "b", 1 / T[:9], "other")
    with pytest.warns(UserWarning, match=r"b: no scalar 'avg_grad_norm'; left out"):
        fits = fit_files([tmp_path], TAG, Filters(), 1.0)
    assert [fit.file.name for fit in fits] == ["a", "c"]


def test_a_corrupt_and_an_empty_folder_leave_the_others(tmp_path: Path) -> None:
    law(tmp_path / "a", range(50))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / NAME).write_bytes(b"")
    (tmp_path / "nothing").mkdir()
    paths = [tmp_path / name for name in ("nothing", "bad", "a")]
    with pytest.warns(UserWarning) as caught:
        fits = fit_files(paths, TAG, Filters(), 1.0)
    assert [fit.file.name for fit in fits] == ["a"]
    said = " | ".join(str(warning.message) for warning in caught)
    assert "nothing: no event file in or under it; left out" in said
    assert "not an event file: it is empty; left out" in said


def test_where_nothing_is_left_the_first_reason_is_given(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_events(tmp_path / name, 1 / T[:9], "other")
    with refused(Impossible, match="none of 2 event sources") as caught:
        fit_files([tmp_path], TAG, Filters(), 1.0)
    assert "a: no scalar 'avg_grad_norm'" in line(caught.value)
    assert caught.value.remedy == "recorded scalars: other"


def test_one_bad_file_alone_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"hello")
    with refused(Corrupt, match="not an event file"):
        fit_files([tmp_path / NAME], TAG, Filters(), 1.0)


def test_a_tree_of_links_is_searched(tmp_path: Path) -> None:
    for name in ("a", "b"):
        law(tmp_path / "store" / name, range(50))
        (tmp_path / "tree" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "tree" / name).symlink_to(tmp_path / "store" / name)
    (tmp_path / "tree/a/back").symlink_to(tmp_path / "tree")
    fits = fit_files([tmp_path / "tree", tmp_path / "store"], TAG, Filters(), 1.0)
    assert [fit.file.relative_to(tmp_path).as_posix() for fit in fits] == ["tree/a", "tree/b"]


def test_runs_beside_and_below_event_files_are_found(tmp_path: Path) -> None:
    for name in ("", "below", "below/more"):
        law(tmp_path / name, range(50))
    found = [p.relative_to(tmp_path).as_posix() for p in event_sources(tmp_path)]
    assert found == [".", "below", "below/more"]
