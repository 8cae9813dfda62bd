"""`resdepth study`: what it prints, what it refuses, and that it looks at the disk alone."""

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resdepth import TrainOptions, train
from resdepth.analysis.report import report_on
from resdepth.analysis.study_runs import read_study
from resdepth.cli.study import _answers, _changes, _hessians
from resdepth.errors import Impossible
from resdepth.options.study import ReportInvocation
from resdepth.probing import hessian
from tests.support.process import Outcome

Run = Callable[..., Outcome]
PLAN = "--depth 4,8 --seed 0:2 --width 4 --epochs 9 --lr 1 --train-fraction 0.1 --threads 1"


@pytest.fixture
def study(tmp_path: Path, run_worker: Run) -> Path:
    """Four cells, none of them trained: they were called off before they could begin."""
    (tmp_path / "study/stop").mkdir(parents=True)
    plan = run_worker("study", "run", "study", "--executor", "dask", *PLAN.split())
    assert plan.code == 2  # Nothing is begun for a dask without a scheduler.
    shutil.rmtree(tmp_path / "study")
    ended = run_worker(
        *f"study run study --executor dask --scheduler tcp://127.0.0.1:1 {PLAN}".split()
    )
    assert ended.code == 1 and "no scheduler" in ended.complaint
    return tmp_path / "study"


def status(run_worker: Run) -> dict[str, dict[str, object]]:
    ended = run_worker("study", "status", "study", "--json")
    assert (ended.code, ended.stderr) == (0, "")
    return {cell["cell"]: cell for cell in json.loads(ended.stdout)["cells"]}


def test_a_plan_is_there_before_its_first_cell(study: Path, run_worker: Run) -> None:
    ended = run_worker("study", "status", "study")
    lines = [f"depth{d}-seed{s}  queued" for d in (4, 8) for s in (0, 1)]
    assert ended == Outcome(0, "\n".join([*lines, "4 cells: 4 queued"]) + "\n", "")
    assert status(run_worker)["depth8-seed1"] == {
        "cell": "depth8-seed1",
        "depth": 8,
        "seed": 1,
        "run": "study/cells/depth8-seed1",
        "state": "queued",
        "steps": None,
        "loss": None,
        "reached": None,
        "seconds_left": None,
        "why": "",
    }


@pytest.mark.long
def test_a_cell_at_work_is_told_with_its_step(study: Path, run_worker: Run, tmp_path: Path) -> None:
    words = PLAN.replace("4,8", "8").replace("0:2", "1").split()
    words += ["--lr-depth", "8", "--lr-depth-exponent", "0.5"]
    run = study / "cells/depth8-seed1"
    assert run_worker("train", *words, "--out", run).code == 0
    finished = status(run_worker)["depth8-seed1"]
    assert finished["state"] == "finished" and finished["steps"] == 9
    owner = {"host": socket.gethostname(), "pid": os.getpid()}
    (run / "lock").write_text(json.dumps(owner))
    running = status(run_worker)["depth8-seed1"]
    assert (running["state"], running["steps"]) == ("running", 9)
    assert running["loss"] == pytest.approx(finished["loss"]) and running["seconds_left"] == 0
    # A lock of a process that is gone says nothing.
    (run / "lock").write_text(json.dumps(owner | {"pid": 2**22 + 1}))
    assert status(run_worker)["depth8-seed1"]["state"] == "finished"


def test_a_missed_loss_is_told(run_worker: Run, tmp_path: Path) -> None:
    words = PLAN.replace("4,8", "4").replace("0:2", "0").split()
    ended = run_worker("study", "run", "study", "--workers", 1, "--stop-loss", 1e-9, *words)
    assert ended.code == 0
    cell = status(run_worker)["depth4-seed0"]
    assert (cell["state"], cell["reached"]) == ("finished", None)
    assert cell["why"] == "did not reach the loss 1e-09"


@pytest.mark.long
def test_called_off_before_it_began(study: Path, run_worker: Run) -> None:
    ended = run_worker("study", "cancel", "study")
    assert ended.code == 0 and ended.stdout.endswith("4 cells: 4 stopped\n")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        ("run --depth 4:x2", 2, "--depth: '4:x2' is not a range of numbers"),
        ("run --depth 4,four", 2, "--depth: should be a whole number, not 'four'"),
        ("run --alpha 0.5,3", 2, "--alpha: should be at least 0, at most 1, not '3'"),
        ("run --lr-depth-exponent x", 2, "--lr-depth-exponent: should be a number"),
        ("run --executor slrum", 2, "did you mean 'slurm'?"),
        ("run --minutes 5", 2, "--time: has no effect with --executor=local"),
        ("run --executor slurm --scheduler a", 2, "or give --executor=dask"),
        ("run --executor dask", 2, "--executor=dask: needs --scheduler"),
        ("run a --out b", 2, "unexpected extra argument"),
        ("run here", 2, "here: the folder exists and is not empty"),
        ("status none", 2, "none: not a study"),
        ("retry here", 2, "here: not a study"),
        ("cancel none", 2, "none: not a study"),
        ("status", 2, "STUDY: none was given"),
    ],
)
def test_refused(tmp_path: Path, run_worker: Run, args: str, code: int, message: str) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/file").touch()
    ended = run_worker("study", *args.split())
    assert ended.code == code and message in ended.complaint, ended.complaint
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] != ".") == ["here"]


def test_another_plan_is_refused_by_name(study: Path, run_worker: Run) -> None:
    before = (study / "study.yaml").read_bytes()
    ended = run_worker("study", "run", "study", "--alpha", "0.5")
    assert ended.code == 2 and "--alpha: the study in study has 0.75, not 0.5" in ended.complaint
    assert (study / "study.yaml").read_bytes() == before


def test_a_configuration_file_says_the_same(tmp_path: Path, run_worker: Run) -> None:
    words = f"study run study {PLAN} --activation relu,tanh --print-config".split()
    printed = run_worker(*words)
    (tmp_path / "plan.yaml").write_text(printed.stdout)
    again = run_worker("study", "run", "study", "--config", "plan.yaml", "--print-config")
    assert printed.code == again.code == 0 and printed.stdout == again.stdout
    (tmp_path / "list.yaml").write_text("depth: [4, 8]\nseed: 0:2\n")
    assert (
        "depth: 4,8" in run_worker("study", "run", "--config", "list.yaml", "--print-config").stdout
    )


def test_a_report_is_one_page_with_its_numbers(run_worker, tmp_path: Path) -> None:
    words = "study run study --depth 4,8,16 --seed 0:2 --lr 1 --epochs 3 --width 3 --workers 1"
    assert run_worker(*words.split(), "--quiet").code == 0
    ended = run_worker("study", "report", "study", "--json")
    assert ended.code == 0, ended.stderr
    numbers = json.loads(ended.stdout)
    assert numbers["scaling"]["verdict"]["limit"] == "undecided"
    assert [row["depth"] for row in numbers["scaling"]["statistics"]] == [4, 4, 8, 8, 16, 16]
    page = (tmp_path / "study/report.html").read_text()
    assert "undecided" in page and "http://" not in page.replace("http://www.w3.org", "")
    assert (tmp_path / "study/report.csv").read_text().count("\n") == 7
    ended = run_worker("study", "report", "nowhere")
    assert ended.code == 2 and ended.complaint.count("nowhere") == 1
    ended = run_worker("study", "report", "study")
    verdict, *said = ended.stdout.splitlines()
    assert verdict.startswith("undecided: ")
    lines = said[: said.index("study/report.html")]
    starts = [line.partition(" ")[0] for line in lines]
    assert set(starts) == {"caution:", "function:", "order"} and starts[-2:] == [
        "function:",
        "order",
    ]
    assert numbers["limit"]["function"]["by_seed"].keys() == {"0", "1"}
    caption = "Relative change of the last hidden state under each intervention"
    assert "Limit, seed by seed" in page and caption in page
    (file,) = (tmp_path / "study/report").glob("interventions-*.json")
    assert len(json.loads(file.read_text())["cells"]) == 6
    assert any(source["path"].endswith(file.name) for source in numbers["provenance"]["sources"])
    bare = run_worker("study", "report", "study", "--no-interventions")
    assert "function:" not in bare.stdout and "order of the layers" in bare.stdout
    page, found = ((tmp_path / f"study/report.{kind}").read_text() for kind in ("html", "json"))
    assert "Limit, seed by seed" in page and caption not in page
    assert set(json.loads(found)["limit"]) == {"weights", "order"}


def test_a_study_of_rates_says_which_is_best(tmp_path: Path) -> None:
    for rate in (16.0, 2.0, 8.0):
        for depth in (4, 12):
            rule = {"lr_depth": 8, "lr_depth_exponent": 1.0, "train_fraction": 0.05, "epochs": 2}
            options = TrainOptions(depth=depth, lr=rate, width=3, threads=1, **rule)
            train(options, tmp_path / f"{rate}-{depth}")
    study = report_on(read_study(tmp_path))
    said = "\n".join(_answers(study)).splitlines()
    assert [line for line in said if line.startswith("--lr")] == [
        "--lr 2.0:",
        "--lr 8.0:",
        "--lr 16.0:",
    ]
    place = said.index("best learning rate by depth:")
    (table,) = study.rates
    assert place == 0
    for line, one in zip(said[2:4], table.found.depths, strict=True):
        best = min(zip(one.curve.means, one.curve.rates, strict=True))[1]
        assert line.split()[:2] == [str(one.curve.depth), f"{best:g}"]
    assert said[4].startswith("undecided: ")


def test_a_study_that_is_not_there_is_not_said_to_begin(run_worker: Run) -> None:
    ended = run_worker("study", "status", "typo")
    assert ended.code == 2 and "study run typo" not in ended.complaint


def test_a_spectrum_that_fails_does_not_cost_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for depth in (3, 4):
        options = TrainOptions(depth=depth, width=2, epochs=2, threads=1, train_fraction=0.05)
        train(options, tmp_path / f"{depth}")
    real = hessian.write

    def sometimes(run: Any, *more: Any) -> Any:
        if run.path.name == "3":
            raise Impossible("eigenvalues", "0 of 1 converged", "ask for fewer")
        return real(run, *more)

    monkeypatch.setattr(hessian, "write", sometimes)
    call = ReportInvocation(study=tmp_path, spectrum=True)
    found = _hessians(read_study(tmp_path), call)
    assert found == {tmp_path / "4": tmp_path / "report/hessian/4.json"}
    assert json.loads(found[tmp_path / "4"].read_text())["provenance"]["sources"]
    assert "0 of 1 converged; left out of the curvature" in capsys.readouterr().err


def test_networks_that_are_gone_do_not_cost_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for rate in (1.0, 2.0):
        options = TrainOptions(depth=3, width=2, epochs=1, threads=1, train_fraction=0.05, lr=rate)
        train(options, tmp_path / f"{rate}")
    study = read_study(tmp_path)
    shutil.rmtree(tmp_path / "1.0/checkpoints")
    found = _changes(study, ReportInvocation(study=tmp_path))
    assert list(found) == ["--lr 2.0"]
    said = capsys.readouterr().err
    assert "no such checkpoint" in said and "the report has no interventions" in said
    assert _changes(study, ReportInvocation(study=tmp_path, interventions=False)) == {}
    report = report_on(study, {}, found)
    functions = [one.limit and one.limit.function for one in report.experiments]
    assert [function is not None for function in functions] == [False, True]
