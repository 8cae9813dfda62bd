"""`resdepth train` and `resdepth export` from outside: what they print, write and return."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import resdepth
from resdepth.runs.manifest import read_manifest
from tests.support.events import points
from tests.support.images import contents, write_zip
from tests.support.process import Outcome, Workers

Run = Callable[..., Outcome]
SMALL = ("--depth", "3", "--width", "2", "--threads", "1")
QUICK = (*SMALL, "--epochs", "2")


def train(run: Run, *args: object) -> Outcome:
    return run("train", *QUICK, *args)


def test_the_installed_program_trains(tmp_path: Path, run_program: Run) -> None:
    ended = train(run_program, "--out", "a", "--seed", "8")
    assert (ended.code, ended.stdout) == (0, "a\n")
    assert "finished after 2 steps" in ended.stderr and "\x1b" not in ended.stderr
    run = resdepth.open_run(tmp_path / "a")
    assert run.manifest.command[:2] == ["resdepth", "train"] and run.manifest.seed == 8
    assert run.checkpoint().step == 2
    layers = torch.load(tmp_path / "a/exported_models/resnet_3.pth", weights_only=True)
    assert [layer.shape for layer in layers] == [(2, 2)] * 3


def test_python_dash_m(tmp_path: Path, run_program: Run) -> None:
    ended = run_program("train", "--print-config", program=(sys.executable, "-m", "resdepth"))
    assert ended.code == 0 and yaml.safe_load(ended.stdout)["network"]["depth"] == 64


def test_quiet_is_quiet(run_worker: Run) -> None:
    assert train(run_worker, "--out", "a", "--quiet") == Outcome(0, "a\n", "")


def test_progress_in_plain_lines(run_worker: Run) -> None:
    lines = train(run_worker, "--out", "a").stderr.splitlines()
    assert " engine on cpu, 1 threads: 2 steps" in lines[0]
    assert lines[1].startswith("epoch 0/2  loss ") and "accuracy" in lines[1]
    assert lines[2].startswith("epoch 2/2  loss ") and "steps/s" in lines[2]
    assert lines[3].startswith("finished after 2 steps, ") and "val/accuracy" in lines[3]
    assert len(lines) == 4


def test_the_default_folder(tmp_path: Path, run_worker: Run) -> None:
    for _ in range(2):
        assert train(run_worker, "--quiet").code == 0
    found = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert found == ["digits-L3-seed0", "digits-L3-seed0-2"]


def test_print_config_comes_back(tmp_path: Path, run_program: Run) -> None:
    args = ("train", "-L", "9", "--lr", "0.25", "--dynamic_lr=true", "--data", "sin")
    printed = run_program(*args, "--print-config")
    assert printed.code == 0 and printed.stderr == ""
    (tmp_path / "c.yaml").write_text(printed.stdout)
    again = run_program("train", "--config", "c.yaml", "--print-config")
    assert again.stdout == printed.stdout
    found = yaml.safe_load(again.stdout)
    rate = found["learning_rate"]
    assert (found["network"]["depth"], rate["lr"], rate["kind"]) == (9, 0.25, "dynamic")
    found["network"]["width"] = 4
    other = run_program("train", "--config", "c.yaml", "--dim", "4", "-L9", "--print-config")
    assert yaml.safe_load(other.stdout) == found
    assert [path.name for path in tmp_path.iterdir()] == ["c.yaml"]


def test_overwrite(tmp_path: Path, run_worker: Run) -> None:
    assert train(run_worker, "--out", "a", "--quiet").code == 0
    refused = train(run_worker, "--out", "a")
    assert refused.code == 2 and "a: the folder exists and is not empty" in refused.complaint
    assert train(run_worker, "--out", "a", "--overwrite", "--seed", "1", "--quiet").code == 0
    assert resdepth.open_run(tmp_path / "a").manifest.seed == 1
    assert {step for _, step in points(tmp_path / "a")} == {0, 1, 2}


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--depth", "4"], "--depth: the run in a has 3, not 4"),
        (["--alpha", "0.5"], "--alpha: the run in a has 0.75, not 0.5"),
        (["--epochs", "1"], "--epochs: the run in a has 2, not 1"),
        (["--dynamic-lr"], "--dynamic-lr: the run in a has False, not True"),
        (["--overwrite"], "--overwrite: --resume"),
        (["--out", "b"], "--out: --resume"),
    ],
)
def test_a_resumed_run_keeps_its_options(run_worker: Run, args: list[str], complaint: str) -> None:
    train(run_worker, "--out", "a")
    ended = run_worker("train", "--resume", "a", *args)
    assert ended.code == 2 and complaint in ended.complaint


@pytest.mark.parametrize("args", [["--resume", "a"], ["--resume", "--out", "a"]])
def test_resume_with_the_same_options_and_more_epochs(run_worker: Run, args: list[str]) -> None:
    train(run_worker, "--out", "a")
    ended = run_worker("train", *SMALL, "--epochs", "4", *args)
    assert ended.code == 0 and "resuming at step 2 of 4" in ended.stderr


DIVERGING = ("--activation", "relu", "--lr", "1e6", "--epochs", "60", "--checkpoint-every", "1")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divergence(tmp_path: Path, run_worker: Run, dtype: str) -> None:
    args = (*SMALL, *DIVERGING, "--depth", "40", "--alpha", "0", "--dtype", dtype)
    ended = run_worker("train", *args, "--out", "a")
    assert ended.code == 1 and ended.stdout == "a\n"
    assert "training diverged at step " in ended.complaint and "--lr" in ended.complaint
    run = resdepth.open_run(tmp_path / "a")
    manifest = run.manifest
    assert manifest.outcome == "diverged" and manifest.detail["step"] == manifest.steps + 1
    assert f"at step {manifest.detail['step']} in layer " in ended.complaint
    last = run.checkpoint()
    assert last.step == manifest.steps and torch.isfinite(last.blocks).all()
    layers = torch.load(tmp_path / "a/exported_models/resnet_40.pth", weights_only=True)
    assert torch.equal(torch.stack(layers), last.blocks)
    assert {step for _, step in points(tmp_path / "a")} == set(range(manifest.steps + 1))
    # It diverges again, at the same step, and says so again.
    again = run_worker("train", "--resume", "a")
    assert again.code == 1 and again.complaint == ended.complaint


def test_gpu_falls_back_with_one_warning(run_worker: Run) -> None:
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("there is a GPU")
    ended = train(run_worker, "--device=gpu", "--out", "a", "--quiet")
    assert ended.code == 0 and ended.stderr.count("resdepth: warning: ") == 1
    assert len(ended.stderr.splitlines()) == 1


def test_export(tmp_path: Path, run_worker: Run, small_run: Path) -> None:
    train(run_worker, "--out", "a")
    ended = run_worker("export", "a", small_run / "checkpoints/last.safetensors", "--out", "w")
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.split() == ["w/resnet_3.pth", "w/resnet_6.pth"]
    ended = run_worker("export", "a", "--format=npz", "--out", "w", "--json")
    printed = json.loads(ended.stdout)
    assert printed["files"] == ["w/resnet_3.npz"] and printed.keys() == {"files", "provenance"}
    with np.load(tmp_path / "w/resnet_3.npz") as archive:
        assert archive["blocks"].shape == (3, 2, 2)
    twice = run_worker("export", "a", "a", "--out", "w")
    assert twice.code == 2 and "a and a: both have depth 3 " in twice.complaint


THESIS_CIFAR = (
    "--model=ClassificationModel --data=folder --data-dir={images} --model.L=100 --model.dim=15"
    " --model.input_size=3072 --model.lr=9.0 --model.p_var=2 --model.alpha=0.75"
    " --model.gamma=1.0 --model.init=ntrunc --trainer.max_epochs=3 --data.num_workers=12"
    " --data.training_data_percentage=0.25 --seed_everything=1234"
    " --trainer.default_root_dir=model-100"
)
THESIS_CONSTANT = (
    "--model=RegressionModel --data=ConstantDataModule --model.L=128 --model.gamma=1.0"
    " --trainer.max_epochs=25 --data.num_workers=12  --model.lr=9.0 --model.p_var=2.0"
    " --model.init=constant --model.dim=1 --model.alpha=0.75 --model.p_loss=2.0"
    " --data.num_samples=10_000 --data.batch_size=10_000 --seed_everything=1234"
    " --trainer.default_root_dir=model-128"
)


def check_thesis_run(folder: Path, depth: int, width: int) -> resdepth.Run:
    layers = torch.load(folder / f"exported_models/resnet_{depth}.pth", weights_only=True)
    assert isinstance(layers, list) and [t.shape for t in layers] == [(width, width)] * depth
    run = resdepth.open_run(folder)
    assert (run.manifest.outcome, run.options.seed, run.options.lr) == ("finished", 1234, 9.0)
    return run


def test_the_thesiss_classification(tmp_path: Path, run_worker: Run) -> None:
    images = write_zip(tmp_path / "images.zip", contents(train=16, test=3, size=(32, 32, 3)))
    ended = run_worker("train", *THESIS_CIFAR.format(images=images).split())
    assert ended.code == 0, ended.stderr
    run = check_thesis_run(tmp_path / "model-100", 100, 15)
    assert run.options.train_fraction == 0.25 and run.manifest.steps == 3


def test_the_thesiss_regression(tmp_path: Path, run_worker: Run) -> None:
    ended = run_worker("train", *THESIS_CONSTANT.split())
    assert ended.code == 0, ended.stderr
    run = check_thesis_run(tmp_path / "model-128", 128, 1)
    assert run.options.num_samples == run.options.batch_size == 10_000
    assert run.manifest.steps == 25
    _, loss = run.scalars("loss")
    # An odd network cannot fit a constant: 0 everywhere is the best it could do, loss 0.005.
    assert 0.005 < loss[-1] < 0.25 * loss[0]


@pytest.mark.long
def test_the_thesiss_classification_on_cifar10(
    tmp_path: Path, workers: Workers, shared_data: Path
) -> None:
    images = shared_data / "cifar10-jpeg.zip"
    if not images.is_file():
        pytest.skip("no cifar10-jpeg.zip")
    ended = workers.run("train", *THESIS_CIFAR.format(images=images).split(), cwd=tmp_path)
    assert ended.code == 0, ended.stderr
    assert check_thesis_run(tmp_path / "model-100", 100, 15).manifest.steps == 3


@pytest.mark.long
def test_the_defaults_learn_the_digits(tmp_path: Path, run_worker: Run) -> None:
    assert run_worker("train", "--out", "a", "--quiet").code == 0
    assert resdepth.open_run(tmp_path / "a").manifest.final["accuracy"] >= 0.95


def test_old_spellings_without_effect_are_ignored_with_one_message(run_worker: Run) -> None:
    line = "--data=ConstantDataModule --data.num_workers=12 --data.data_dir=x --print-config"
    ended = run_worker("train", *line.split())
    assert ended.code == 0 and "num_workers" not in ended.stdout
    assert ended.stderr == "--data-dir, --num-workers: ignored, because it has no effect here\n"
    ended = run_worker("train", "--data=constant", "--num_workers=12", "--print-config")
    assert ended.code == 2 and "--num-workers: has no effect with --data=constant" in ended.stderr


def test_a_configuration_file_may_hold_defaults_only(run_worker: Run, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(run_worker("train", "--print-config").stdout)
    assert run_worker("train", "--config=c.yaml", "--print-config").code == 0
    (tmp_path / "d.yaml").write_text("loss_p: 3\n")
    ended = run_worker("train", "--config=d.yaml")
    assert ended.code == 2 and "--loss-p: has no effect with --data=digits" in ended.stderr
    assert not (tmp_path / "runs").exists()


def test_options_of_what_is_resumed_need_not_be_repeated_whole(run_worker: Run) -> None:
    line = "--data=sin --num-samples=8 --separation=0.5 --depth=3 --width=2 --epochs=1 --out=a"
    assert run_worker("train", *line.split(), "--threads=1").code == 0
    ended = run_worker("train", "--resume=a", "--separation=0.5", "--epochs=2")
    assert ended.code == 0, ended.stderr
    ended = run_worker("train", "--resume=a", "--lr-max=3")
    assert ended.code == 2 and "--lr-max: has no effect without --dynamic-lr" in ended.stderr


@pytest.mark.parametrize("option", ["loss_p", "lr_max", "target_value"])
def test_a_run_is_resumed_with_what_it_recorded_although_it_has_no_effect(
    run_worker: Run, tmp_path: Path, option: str
) -> None:
    line = "--data=sin --num-samples=8 --depth=3 --width=2 --epochs=1 --out=a --threads=1"
    if option == "loss_p":
        line = "--train-fraction=0.05 --depth=3 --width=2 --epochs=1 --out=a --threads=1"
    assert run_worker("train", *line.split()).code == 0
    manifest = read_manifest(tmp_path / "a")
    old = manifest.model_dump(mode="json", exclude={"sha256"})
    old |= {"format": 1, "options": manifest.options | {option: 3.0}}
    (tmp_path / "a/manifest.json").write_text(json.dumps(old))
    flag = f"--{option.replace('_', '-')}"
    ended = run_worker("train", "--resume=a", f"{flag}=3", "--epochs=2")
    assert ended.code == 0, ended.stderr
    assert run_worker("train", "--resume=a", f"{flag}=4", "--epochs=3").code == 2


def test_a_precision_of_gpus_is_refused_on_a_cpu(run_worker: Run) -> None:
    line = ("--depth=3", "--width=2", "--epochs=1", "--precision=tf32", "--threads=1")
    ended = run_worker("train", *line, "--device=cpu", "--out=a")
    assert ended.code == 2 and "--precision: tf32 has no effect on cpu" in ended.complaint
