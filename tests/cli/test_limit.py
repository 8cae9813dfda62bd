"""`resdepth limit` as the program runs it: what it prints, what it writes, what it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import resdepth
from resdepth.runs.export import write_model
from resdepth.runs.manifest import read_manifest, write_manifest
from tests.support.pictures import picture_folder

DEPTHS, SEEDS = (4, 8, 16), (0, 1)
SMALL = {"width": 3, "epochs": 2, "threads": 1, "train_fraction": 0.05, "alpha": 1.0}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three depths, two seeds, and some runs of other kinds. Never written to."""
    folder = tmp_path_factory.mktemp("runs")
    for depth in DEPTHS:
        for seed in SEEDS:
            options = resdepth.TrainOptions(**SMALL, depth=depth, seed=seed, checkpoint_every=1)
            resdepth.train(options, folder / f"study/{depth}-{seed}")
    for depth in (1, 2):
        resdepth.train(resdepth.TrainOptions(**SMALL, depth=depth), folder / f"{depth}")
    one = folder / "study/8-0"
    for outcome in ("interrupted", "diverged", "running"):
        shutil.copytree(one, folder / outcome)
        manifest = read_manifest(one).model_copy(update={"outcome": outcome})
        write_manifest(folder / outcome, manifest)
    shutil.copytree(one, folder / "bare")
    shutil.rmtree(folder / "bare/checkpoints")
    return folder


def weights(folder: Path, depths=DEPTHS, seeds=SEEDS, scale: float = 1.0) -> None:
    for seed in seeds:
        for depth in depths:
            random = np.random.default_rng([depth, seed])
            blocks = torch.tensor(scale * random.standard_normal((depth, 3, 3)))
            write_model(folder / str(seed), blocks, "npz")


def test_a_study_has_sentences_tables_figure_and_numbers(run_worker, runs, tmp_path: Path) -> None:
    ended = run_worker("limit", runs / "study")
    assert ended.code == 0, ended.stderr
    assert "interventions: 12 forward passes of 6 networks with 56 layers in all" in ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("weights: ") and lines[-2:] == ["limit.pdf", "limit.json"]
    assert any(line.startswith("function: ") for line in lines)
    assert any(line.startswith("order of the layers at L = 16: ") for line in lines)
    heads = [line.split()[0] for line in lines if line.lstrip().startswith(("seed ", "L "))]
    assert heads == ["seed", "seed", "L"]
    assert "nan" not in ended.stdout
    assert (tmp_path / "limit.pdf").read_bytes().startswith(b"%PDF")
    numbers = json.loads((tmp_path / "limit.json").read_text())
    assert set(numbers) == {"weights", "function", "order", "provenance"}
    assert len(numbers["provenance"]["sources"]) >= 6


@pytest.mark.long
def test_the_installed_program_prints_the_same(run_program, run_worker, runs: Path) -> None:
    words = ("limit", runs / "study", "--json", "--quiet")
    ended = run_program(*words)
    assert ended.code == 0 and json.loads(ended.stdout) == json.loads(run_worker(*words).stdout)


def test_json_is_what_is_written(run_worker, runs: Path, tmp_path: Path) -> None:
    ended = run_worker("limit", runs / "study", "--json", "--refine", "--out", "a.svg")
    assert ended.code == 0
    numbers = json.loads(ended.stdout)
    assert numbers == json.loads((tmp_path / "a.json").read_text())
    assert set(numbers["function"]["by_seed"]["1"]["refinements"]) == {
        "repeat",
        "interpolate",
        "pair-mean",
        "every-second",
    }
    assert "interventions: 17 forward passes" in ended.stderr
    again = json.loads(run_worker("limit", runs / "study", "--json").stdout)
    assert again["weights"] == numbers["weights"]
    found = [one["function"]["by_seed"]["0"]["changes"]["pair"] for one in (again, numbers)]
    assert found[0] == found[1]
    other = json.loads(run_worker("limit", runs / "study", "--json", "--seed", 5).stdout)
    assert other["function"]["by_seed"]["0"]["changes"]["pair"] != found[0]


def test_without_interventions_nothing_is_evaluated(run_worker, runs: Path, tmp_path: Path) -> None:
    ended = run_worker("limit", runs / "study", "--no-interventions")
    assert ended.code == 0 and "forward passes" not in ended.stderr
    assert ended.stdout.splitlines()[-1] == "limit.json" and "function" not in ended.stdout
    assert not (tmp_path / "limit.pdf").exists()
    assert set(json.loads((tmp_path / "limit.json").read_text())) == {
        "weights",
        "order",
        "provenance",
    }
    # A run without checkpoints has weights, but no network.
    assert run_worker("limit", runs / "bare", "--no-interventions").code == 0


def test_weights_of_no_run_have_no_function(run_worker, tmp_path: Path) -> None:
    weights(tmp_path / "w")
    ended = run_worker("limit", "w", "--json")
    assert ended.code == 0 and "forward passes" not in ended.stderr
    numbers = json.loads(ended.stdout)
    assert set(numbers) == {"weights", "order", "provenance"}
    assert set(numbers["weights"]["by_seed"]) == {"w/0", "w/1"}


def test_a_checkpoint_is_evaluated_itself(run_worker, runs: Path) -> None:
    found = []
    for name in ("step_00000001", "last"):
        files = [runs / f"study/{d}-0/checkpoints/{name}.safetensors" for d in DEPTHS]
        ended = run_worker("limit", *files, "--json")
        assert ended.code == 0, ended.stderr
        found.append(json.loads(ended.stdout)["function"]["by_seed"]["0"]["changes"]["smooth"])
    whole = [runs / f"study/{d}-0" for d in DEPTHS]
    last = json.loads(run_worker("limit", *whole, "--json").stdout)
    assert found[1] == last["function"]["by_seed"]["0"]["changes"]["smooth"] != found[0]


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        (["study/8-0"], "undecided: 1 depth and 1 seed: a verdict needs"),
        (["study/8-0", "study/8-1"], "undecided: 1 depth and 2 seeds"),
        (["study/4-0", "study/8-0", "study/16-0"], "undecided: 3 depths and 1 seed"),
        (["1"], "undecided: 1 depth and 1 seed"),
        (["2"], "undecided: 1 depth and 1 seed"),
        (["1", "2", "study/4-0"], "undecided: 3 depths and 1 seed"),
        (["interrupted"], "undecided: 1 depth"),
        (["diverged"], "undecided: 1 depth"),
    ],
    ids=str,
)
def test_few_weights_are_undecided(run_worker, runs: Path, sources: list[str], words: str) -> None:
    ended = run_worker("limit", *(runs / name for name in sources))
    assert ended.code == 0, ended.stderr
    assert ended.stdout.startswith(f"weights: {words}")
    assert "nan" not in ended.stdout and "Traceback" not in ended.stderr


def test_runs_without_an_end_are_left_out_and_named(run_worker, runs: Path) -> None:
    names = [runs / name for name in ("interrupted", "diverged", "running", "study")]
    ended = run_worker("limit", *names, "--json")
    assert ended.code == 0
    for name in ("interrupted", "diverged", "running"):
        (line,) = [line for line in ended.stderr.splitlines() if f"/{name}/" in line]
        assert "left out: the run" in line
    whole = json.loads(run_worker("limit", runs / "study", "--json").stdout)
    assert json.loads(ended.stdout)["function"] == whole["function"]


@pytest.mark.parametrize("scale", [0.0, 1e300], ids=["zero", "overflowing"])
def test_weights_without_a_size_are_undecided(run_worker, tmp_path: Path, scale: float) -> None:
    weights(tmp_path / "w", scale=scale)
    ended = run_worker("limit", "w")
    assert ended.code == 0, ended.stderr
    assert ended.stdout.startswith("weights: undecided: no interval for pr, q1, irel")
    assert "nan" not in ended.stdout and "Traceback" not in ended.stderr


HOSTILE = {
    "nowhere": (["nowhere"], 2, "nowhere: no such file or folder"),
    "nothing": ([], 2, "SOURCES: none was given"),
    "suffix": (["{runs}/study", "--out=a.bmp"], 2, "--out: '.bmp' is not one of"),
    "unwritable": (["{runs}/study", "--out=/proc/x.pdf"], 1, "/proc/x.pdf: cannot write"),
    "empty": (["empty"], 1, "empty: no trained weights found"),
    "no checkpoint": (["{runs}/bare"], 2, "bare: no such checkpoint"),
    "not a number": (["nan"], 1, "is nan"),
    "refine": (
        ["{runs}/study", "--no-interventions", "--refine"],
        2,
        "--refine: has no effect without --interventions",
    ),
    "seed": (["{runs}/study", "--seed=-1"], 2, "--seed"),
    "other": (["{runs}/study", "{runs}/other"], 2, "not repetitions of one experiment"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_is_one_line(run_worker, runs: Path, tmp_path: Path, case: str) -> None:
    (tmp_path / "empty").mkdir()
    weights(tmp_path / "nan", depths=(4,), seeds=(0,), scale=float("nan"))
    if case == "other" and not (runs / "other").exists():
        other = resdepth.TrainOptions(**SMALL | {"alpha": 0.5}, depth=4)
        resdepth.train(other, runs / "other")
    args, code, message = HOSTILE[case]
    ended = run_worker("limit", *(word.replace("{runs}", str(runs)) for word in args))
    assert ended.code == code and message in ended.complaint
    assert not list(tmp_path.glob("limit.*"))


def test_runs_of_another_program_are_one_line(run_worker, tmp_path: Path) -> None:
    picture_folder(tmp_path / "images")
    words = "resnet-cifar --data folder --data-dir images --depth 8 --epochs 1 --batch-size 20"
    assert run_worker(*words.split(), "--threads", 1, "--lr", 0.05, "--out", "net").code == 0
    ended = run_worker("limit", "net")
    assert ended.code == 2 and "name one of stage1.{k}.first.kernel" in ended.complaint
    # One family has an order, and no network that is evaluated.
    ended = run_worker("limit", "net", "--pattern", "stage1.{k}.first.kernel", "--json")
    assert ended.code == 0 and "function" not in json.loads(ended.stdout)
