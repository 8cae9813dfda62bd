"""Signals: a checkpoint and 128 + the number, whenever they come and whichever they are."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

import resdepth
from tests.support.process import EXECUTABLE, Workers, wait_until

LONG = "train --depth 6 --width 4 --train-fraction 0.2 --epochs 100000 --no-p-var --threads 1"
ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1]


def begun(tmp_path: Path) -> bool:
    return any(tmp_path.glob("run/checkpoints/step_*"))


@pytest.mark.parametrize("number", ENDING)
def test_training_ends_with_a_checkpoint(workers: Workers, tmp_path: Path, number: int) -> None:
    process, wait = workers.start(*LONG.split(), "--out", "run", cwd=tmp_path)
    wait_until(lambda: begun(tmp_path) or not process.is_alive())
    os.kill(process.pid, number)
    ended = wait()
    assert ended.code == 128 + number
    run = resdepth.open_run(tmp_path / "run")
    assert run.manifest.outcome == "interrupted" and run.manifest.detail == {"signal": number}
    assert run.checkpoint().step == run.manifest.steps > 0
    assert f"stopping after this step ({signal.Signals(number).name})" in ended.stderr


@pytest.mark.long
@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("delay", [0.0, 0.1, 0.4])
def test_a_signal_during_start_up(tmp_path: Path, number: int, delay: float) -> None:
    command = [str(EXECUTABLE), *LONG.split(), "--out", "run"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    manifest = tmp_path / "run/manifest.json"
    wait_until(lambda: manifest.exists() or process.poll() is not None)
    time.sleep(delay)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number, errors
    assert "Traceback" not in errors
    run = resdepth.open_run(tmp_path / "run")
    assert run.manifest.outcome == "interrupted" and run.manifest.detail == {"signal": number}
    assert not (tmp_path / "run/lock").exists()


def test_what_nohup_switched_off_stays_off(tmp_path: Path) -> None:
    command = f"trap '' HUP; exec {EXECUTABLE} {LONG} --quiet --out run"
    process = subprocess.Popen(["sh", "-c", command], cwd=tmp_path, stderr=subprocess.PIPE)
    wait_until(lambda: begun(tmp_path) or process.poll() is not None)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_second_trainer_is_refused_by_name(workers: Workers, tmp_path: Path) -> None:
    process, wait = workers.start(*LONG.split(), "--out", "run", "--quiet", cwd=tmp_path)
    wait_until(lambda: begun(tmp_path) or not process.is_alive())
    for words in (("--resume", "run"), ("--out", "run", "--overwrite")):
        ended = workers.run("train", *words, cwd=tmp_path)
        assert ended.code == 1 and f"process {process.pid} on " in ended.complaint
    os.kill(process.pid, signal.SIGTERM)
    assert wait().code == 128 + signal.SIGTERM
    longer = resdepth.open_run(tmp_path / "run").manifest.steps
    assert longer > 0
