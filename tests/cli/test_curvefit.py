"""`curvefit` as the installed program runs it."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from torch.utils.tensorboard import SummaryWriter

import resdepth
from tests.support.events import scalar, start
from tests.support.events import write_events as write_raw

T = np.arange(1.0, 2001)


def write_events(folder: Path, values, tag: str = "avg_grad_norm") -> Path:
    with SummaryWriter(folder) as writer:
        for step, value in enumerate(values):
            writer.add_scalar(tag, value, step)
    return next(folder.glob("events.*"))


def spiked(seed: int, shift: float):
    """2 % noise and a spike in every fourth window of 27 after the first; and the truth."""
    random = np.random.default_rng(seed)
    c, rho = random.uniform(0.1, 10.0), random.uniform(0.5, 2.0)
    y = c / (T + shift) ** rho * (1 + 0.02 * random.standard_normal(2000))
    for window in range(4, 2000 // 27, 4):
        y[27 * window + random.integers(27)] *= random.choice([3.0, 1 / 3])
    return y, {"C": c, "T0": shift, "rho": rho}


def recovered(row, truth) -> bool:
    errors = [abs(row[name]["value"] - value) for name, value in truth.items()]
    allowed = [3 * row[name]["standard_error"] for name in truth]
    return row["identified"] and all(e <= most for e, most in zip(errors, allowed, strict=True))


@pytest.mark.parametrize("inferred", [True, False])
def test_parameters_come_back_from_event_files(run_worker, tmp_path: Path, inferred) -> None:
    truths = []
    for seed in range(10):
        shift = float(np.random.default_rng(seed + 50).uniform(3, 80)) if inferred else 1.0
        y, truth = spiked(seed, shift)
        write_events(tmp_path / f"events/{seed}", y)
        truths.append(truth)
    args = ["--event_paths=events", "--window_size=27", "--filter_period=0", "--scaling_x=1"]
    ended = run_worker("curvefit", *args, "--json", *(["--infer_shift=True"] if inferred else []))
    assert ended.code == 0
    rows = json.loads(ended.stdout)["fits"]
    assert all(row["points"] == 2000 - 2 * 74 for row in rows)
    assert sum(map(recovered, rows, truths)) >= 9


def test_a_run_is_fitted_and_everything_is_written(run_worker, small_run, tmp_path: Path) -> None:
    ended = run_worker("curvefit", "--event-paths", small_run, "--out", "fit.png")
    assert ended.code == 0
    line, *paths = ended.stdout.splitlines()
    assert line.startswith(f"{small_run}: C = ") and line.endswith("6 points")
    assert paths == ["fit.png", "fit.json"]
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG")
    row = json.loads((tmp_path / "fit.json").read_text())["fits"][0]
    assert row["T0"] == {"value": 1.0, "standard_error": 0.0, "interval": [1.0, 1.0]}


def test_a_file_cut_in_a_record_is_used_with_a_warning(run_worker, tmp_path: Path) -> None:
    path = write_events(tmp_path / "x", 3 / (T + 1))
    path.write_bytes(path.read_bytes()[:-40])
    ended = run_worker("curvefit", "--event-paths", path, "--json")
    assert ended.code == 0
    assert "truncated" in ended.stderr
    (row,) = json.loads(ended.stdout)["fits"]
    assert row["points"] == 1999 and row["rho"]["value"] == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize(
    ("values", "args", "reason"),
    [
        ([1.0, 0.5, 0.3], ["--infer-shift"], "too few points"),
        (np.exp(-0.1 * T[:200]), ["--infer-shift"], "T0 at its bound"),
        ([0.0, -1.0, 2.0], [], "too few points"),
    ],
)
def test_a_fit_that_is_not_identified_says_so(run_worker, tmp_path, values, args, reason) -> None:
    path = write_events(tmp_path / "x", values)
    ended = run_worker("curvefit", "--event-paths", path, *args)
    assert ended.code == 0
    assert f"the fit is not identified: {reason}" in ended.stderr
    row = json.loads((tmp_path / "curvefit.json").read_text())["fits"][0]
    assert not row["identified"] and row["reason"] == reason


def test_points_that_are_not_positive_are_counted(run_worker, tmp_path: Path) -> None:
    path = write_events(tmp_path / "x", [1.0, 0.5, 0.0, 0.25, -0.1, 0.2])
    ended = run_worker("curvefit", "--event-paths", path, "--json")
    assert "2 points are not positive" in ended.stderr
    (row,) = json.loads(ended.stdout)["fits"]
    assert (row["points"], row["dropped"]) == (4, 2)


def law(first: int, last: int, time: float = 1e9):
    """2 / (k + 1)^0.7 at the steps k from `first` to `last`."""
    return [
        scalar(k, 2 / (k + 1) ** 0.7, "avg_grad_norm", time + k) for k in range(first, last + 1)
    ]


def test_what_is_doubtful_is_said_and_in_the_numbers(run_worker, tmp_path: Path) -> None:
    name = "events.out.tfevents.{:010d}.host"
    abandoned = [scalar(k, 50.0, "avg_grad_norm") for k in range(100, 150)]
    write_raw(tmp_path / "r" / name.format(1), [*law(0, 99), *abandoned])
    write_raw(tmp_path / "r" / name.format(2), [start(100, 2e9), *law(100, 119, 2e9)])
    write_raw(tmp_path / "r" / name.format(3), law(130, 140, 3e9))
    (tmp_path / "r" / name.format(4)).touch()
    ended = run_worker(
        "curvefit", "--event-paths=r", "--time=step", "--json", PYTHONWARNINGS="ignore"
    )
    assert ended.code == 0
    found = json.loads(ended.stdout)
    assert found["fits"][0]["rho"]["value"] == pytest.approx(0.7, rel=1e-5)
    empty, restart = found["warnings"]
    assert empty.endswith("not an event file: it is empty; left out")
    assert "a restart at step 100" in restart and "replaces 50 earlier points" in restart
    assert all(f"resdepth: warning: {text}" in ended.stderr for text in (empty, restart))
    assert (tmp_path / "curvefit.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("more", [[], ["--infer-shift"]])
@pytest.mark.parametrize("value", [3.0, 0.1])
def test_a_constant_is_no_decay(run_worker, tmp_path: Path, more, value: float) -> None:
    path = write_events(tmp_path / "x", np.full(200, value))
    ended = run_worker("curvefit", "--event-paths", path, "--json", *more)
    (row,) = json.loads(ended.stdout)["fits"]
    assert not row["identified"] and row["reason"].startswith("no decay")
    assert row["r_squared"] is None


HOSTILE = {
    "drowned": (["--event-paths=x", "--shift=1e300"], 1, "T0 = 1e+300 is so large that t + T0"),
    "early": (["--event-paths=x", "--time=step", "--shift=0"], 1, "t begins at 0 and T0 = 0"),
    "time": (["--event-paths=x", "--time=hours"], 2, "--time"),
    "nowhere": (["--event-paths=nowhere"], 2, "no such event file or folder"),
    "no events": (["--event-paths=empty"], 1, "no event file"),
    "no event file": (["--event-paths=text"], 1, "not an event file"),
    "tag": (["--event-paths=x", "--tag=loss"], 1, "no scalar 'loss'"),
    "window": (["--event-paths=x", "--window-size=2"], 2, "--window-size: should be 0 or at least"),
    "period": (["--event-paths=x", "--filter-period=1"], 2, "removes everything"),
    "scale": (["--event-paths=x", "--scaling-x=0"], 2, "--scaling-x: should be above 0"),
    "shift": (["--event-paths=x", "--shift=-1"], 2, "--shift: t + T0 should be positive"),
    "both": (
        ["--event-paths=x", "--shift=1", "--infer-shift"],
        2,
        "has no effect with --infer-shift",
    ),
    "nothing": ([], 2, "SOURCES: none was given"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_is_one_line(run_worker, tmp_path: Path, case: str) -> None:
    write_events(tmp_path / "x", 1 / T[:20])
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("hello")
    args, code, message = HOSTILE[case]
    ended = run_worker("curvefit", *args)
    assert ended.code == code
    assert message in ended.complaint


@pytest.mark.long
def test_the_installed_program_does_the_same(run_program, tmp_path: Path) -> None:
    path = write_events(tmp_path / "x", 1 / T[:200])
    ended = run_program("curvefit", "--event-paths", path, "--shift=0", "--quiet")
    assert ended.code == 0 and ended.stderr == ""
    assert "rho = 1" in ended.stdout


def test_many_runs_are_summed_up_by_depth(run_worker, tmp_path: Path) -> None:
    small = {"width": 2, "epochs": 30, "threads": 1, "train_fraction": 0.05, "lr": 1.0}
    for seed in range(4):
        for depth in (3, 6):
            options = resdepth.TrainOptions(**small, depth=depth, seed=seed)
            resdepth.train(options, tmp_path / f"runs/{depth}-{seed}")
    ended = run_worker("curvefit", "runs")
    assert ended.code == 0
    lines = [line for line in ended.stdout.splitlines() if "mean rho" in line]
    assert [line.split(":")[0] for line in lines] == ["L = 3", "L = 6"]
    numbers = json.loads((tmp_path / "curvefit.json").read_text())
    for row in numbers["depths"]:
        own = [f for f in numbers["fits"] if f["file"].startswith(f"runs/{row['depth']}-")]
        rhos = [fit["rho"]["value"] for fit in own if fit["identified"]]
        assert len(own) == 4 and row["identified"] == len(rhos) > 1
        assert row["rho"]["value"] == pytest.approx(np.mean(rhos))
        half = stats.t.ppf(0.975, len(rhos) - 1) * stats.sem(rhos)
        assert row["rho"]["high"] - row["rho"]["value"] == pytest.approx(half)
