"""Runs of He's network: the same bits after any interruption, and what is in the folder."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from resdepth.data.dataset import Epoch, normalise
from resdepth.data.image_folder import pixels
from resdepth.engine.classifier import Descent
from resdepth.errors import Corrupt
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.runs.checkpoint import Checkpoint, check_like, read_checkpoint, write_checkpoint
from resdepth.runs.folder import create_run, reopen_run
from resdepth.runs.manifest import Manifest, read_manifest, write_manifest
from resdepth.training import convolutional
from resdepth.training.convolutional import prepare
from resdepth.training.observer import Observer
from resdepth.training.session import conduct
from tests.support.events import Points, points
from tests.support.messages import refused
from tests.support.pictures import picture_folder

PROGRAM = "resnet-cifar"
LAYOUTS = {True: "channels-last", False: "contiguous"}
STEPS = 9
"""Three epochs of three steps: 48 images in batches of 20."""


class StopAfter(Observer):
    """Asks to stop once `step` steps are done, and keeps what was said."""

    def __init__(self, step: int) -> None:
        self.limit, self.asked, self.said = step, 0, list[str]()

    def say(self, text: str) -> None:
        self.said.append(text)

    def stop(self) -> int | None:
        self.asked += 1
        return 15 if self.asked >= self.limit else None


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("images"))


@pytest.fixture
def options(data: Path) -> ResnetCifarOptions:
    return make(data)


def make(data: Path, **given: Any) -> ResnetCifarOptions:
    small = {"depth": 8, "data": "folder", "data_dir": data, "epochs": 3, "batch_size": 20}
    small |= {"momentum": 0.9, "lr": 0.05, "flip": True, "threads": 1, "device": "cpu"}
    return ResnetCifarOptions(**{**small, **given})


def train(folder: Path, options: ResnetCifarOptions, stop: int = 10**9) -> Manifest:
    opening = create_run(folder, PROGRAM, options.recorded(), ["test"])
    return conduct(opening, prepare, StopAfter(stop))


def tensors(folder: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(folder / "checkpoints" / f"{name}.safetensors")


def same_weights(first: Path, second: Path) -> bool:
    one, two = tensors(first), tensors(second)
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    assert train(folder, make(data)).outcome == "finished"
    return folder


@pytest.mark.parametrize("stop", [1, 3, 4, 8])
def test_interrupted_run_goes_on_to_the_same_bits(
    stop: int, options: ResnetCifarOptions, whole: Path, tmp_path: Path
) -> None:
    first = train(tmp_path, options, stop)
    assert (first.outcome, first.steps) == ("interrupted", stop)
    ended = conduct(reopen_run(tmp_path, PROGRAM, {}), prepare)
    assert (ended.outcome, ended.steps) == ("finished", STEPS)
    assert same_weights(tmp_path, whole)
    assert points(tmp_path) == points(whole)
    assert ended.final == read_manifest(whole).final


def test_killed_run_goes_on_from_its_newest_checkpoint(
    data: Path, whole: Path, tmp_path: Path
) -> None:
    options = make(data, checkpoint_every=2)
    assert train(tmp_path, options).outcome == "finished"
    # What a kill after step 8 leaves: no checkpoint at the end, events beyond the newest one.
    for name in ("last", "step_00000009"):
        (tmp_path / f"checkpoints/{name}.safetensors").unlink()
    write_manifest(tmp_path, read_manifest(tmp_path).model_copy(update={"outcome": "running"}))
    watching = StopAfter(10**9)
    ended = conduct(reopen_run(tmp_path, PROGRAM, {}), prepare, watching)
    assert ended.outcome == "finished"
    assert f"resuming at step 8 of {STEPS}" in watching.said
    assert same_weights(tmp_path, whole)
    assert points(tmp_path) == points(whole)


def test_more_epochs_on_resume(options: ResnetCifarOptions, whole: Path, tmp_path: Path) -> None:
    train(tmp_path, options.model_copy(update={"epochs": 2}))
    ended = conduct(reopen_run(tmp_path, PROGRAM, {"epochs": 3}), prepare)
    assert ended.steps == STEPS
    assert same_weights(tmp_path, whole)
    assert points(tmp_path) == points(whole)


def test_finished_run_has_nothing_left(whole: Path) -> None:
    before = read_manifest(whole)
    watching = StopAfter(10**9)
    assert conduct(reopen_run(whole, PROGRAM, {}), prepare, watching) == before
    assert any("nothing to do" in line for line in watching.said)


def test_one_event_a_step_and_one_an_evaluation(whole: Path) -> None:
    found: Points = points(whole)
    for tag in ("loss", "avg_grad_norm", "accuracy", "lr"):
        assert [step for name, step in found if name == tag] == list(range(STEPS))
    assert [step for name, step in found if name == "val/accuracy"] == [3, 6, 9]
    names = {path.stem for path in (whole / "checkpoints").iterdir()}
    assert names == {"last", "step_00000003", "step_00000006", "step_00000009"}


def test_first_event_is_the_untrained_network_on_the_first_batch(data: Path, whole: Path) -> None:
    from resdepth.engine.resnet import ResNet, initialise
    from resdepth.mathematics.random import stream

    network = ResNet(8, 0.75, 8)
    initialise(network, stream(0, "kernels"))
    images, _ = pixels(data, 1)
    epoch = Epoch.draw(0, 0, 48, flip=True, device=torch.device("cpu"))
    batch, labels = epoch.batch(images, 0, 20)
    # Double precision: the bfloat16 of the run may be off by a few parts in a thousand.
    logits = network.double()(normalise(batch, torch.float64)).detach()
    onehot = torch.nn.functional.one_hot(labels, 8)
    omega = (logits.softmax(1) - onehot).square().sum(1).mean()
    found = points(whole)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    assert found["loss", 0] == pytest.approx(float(loss), rel=0.03)
    assert found["avg_grad_norm", 0] == pytest.approx(float(omega), rel=0.03)


@pytest.mark.long
def test_learns(data: Path, tmp_path: Path) -> None:
    ended = train(tmp_path, make(data, epochs=80, val_every=0, flip=False, momentum=0.0, lr=0.1))
    assert ended.final["val/accuracy"] > 0.5  # guessing has 0.125
    assert ended.final["val/top2"] >= ended.final["val/accuracy"]
    classes = [ended.final[f"val/accuracy/class{k}"] for k in range(8)]
    assert np.mean(classes) == pytest.approx(ended.final["val/accuracy"])


def test_divergence_is_an_outcome(data: Path, tmp_path: Path) -> None:
    ended = train(tmp_path, make(data, lr=1e30, momentum=0.0, amp="off", weight_decay=1.0))
    assert ended.outcome == "diverged"
    assert not math.isfinite(float(ended.detail["loss"]))


def test_looking_now_and_then_gives_the_same_run(
    options: ResnetCifarOptions, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolutional, "window", lambda device: 2)
    assert train(tmp_path, options).outcome == "finished"
    assert same_weights(tmp_path, whole)
    assert points(tmp_path) == points(whole)


def test_divergence_between_two_looks_keeps_the_last_good_weights(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolutional, "window", lambda device: 4)
    options = make(data, epochs=1, batch_size=5)
    opening = create_run(tmp_path, PROGRAM, options.recorded(), ["test"])
    steps = iter(range(100))
    real = Descent.gradient

    def spoilt(self: Descent, images: torch.Tensor, labels: torch.Tensor) -> Any:
        return real(self, images * math.nan if next(steps) == 6 else images, labels)

    monkeypatch.setattr(Descent, "gradient", spoilt)
    ended = conduct(opening, prepare)
    assert (ended.outcome, ended.detail["step"], ended.steps) == ("diverged", 6, 4)
    monkeypatch.setattr(Descent, "gradient", real)
    train(tmp_path / "whole", options, 4)
    assert same_weights(tmp_path, tmp_path / "whole")


def test_limit_train_takes_a_seeded_part(data: Path, tmp_path: Path) -> None:
    ended = train(tmp_path, make(data, train_fraction=10, batch_size=5, epochs=1))
    assert ended.steps == 2


def test_flat_loss_is_said(data: Path, tmp_path: Path) -> None:
    opening = create_run(tmp_path, PROGRAM, make(data, lr=1e-9).recorded(), ["test"])
    watching = StopAfter(10**9)
    conduct(opening, prepare, watching)
    assert sum("`warmup=1`" in line for line in watching.said) == 1


def test_warmup_is_in_the_log(data: Path, tmp_path: Path) -> None:
    train(tmp_path, make(data, warmup=1, epochs=2))
    found = points(tmp_path)
    rates = [found["lr", step] for step in range(6)]
    np.testing.assert_allclose(rates, [0.05 / 3, 0.1 / 3, 0.05, 0.05, 0.05, 0.05], rtol=1e-6)


@pytest.mark.parametrize(
    ("size", "classes", "reason"), [((5, 9), 3, "too small"), ((8, 8), 1, "one class")]
)
def test_unusable_images(size: tuple[int, int], classes: int, reason: str, tmp_path: Path) -> None:
    data = picture_folder(tmp_path / "data", classes=classes, size=size)
    with refused(Corrupt, match=reason):
        train(tmp_path / "run", make(data))
    assert read_manifest(tmp_path / "run").outcome == "failed"


def test_state_of_another_network_is_refused(whole: Path, tmp_path: Path) -> None:
    like = tensors(whole)
    path = tmp_path / "state.safetensors"
    write_checkpoint(path, Checkpoint(3, 0.1, {"kernel": torch.zeros(2)}))
    with refused(Corrupt, match="another network"):
        check_like(read_checkpoint(path), like, path)


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("velocity", lambda t: t[1:], "velocity is"),
        ("readout.bias", lambda t: t.double(), "readout.bias is"),
        ("first.mean", lambda t: t / 0, "not finite"),
    ],
)
def test_damaged_state_is_refused(
    name: str, change: Any, reason: str, whole: Path, tmp_path: Path
) -> None:
    like = tensors(whole)
    path = tmp_path / "state.safetensors"
    write_checkpoint(path, Checkpoint(3, 0.1, like | {name: change(like[name])}))
    with refused(Corrupt, match=reason):
        check_like(read_checkpoint(path), like, path)


@pytest.mark.parametrize(("share", "flat"), [(0.98, True), (2.0, False)])
def test_a_first_epoch_without_progress_names_warmup(
    share: float, flat: bool, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolutional, "FLAT", share)
    observer = StopAfter(10**9)
    options = make(data, lr=1e-9, epochs=2)
    conduct(create_run(tmp_path, PROGRAM, options.recorded(), []), prepare, observer)
    said = [text for text in observer.said if "`warmup=1`" in text]
    assert len(said) == flat, observer.said


@pytest.mark.parametrize("faster", [True, False])
def test_the_fastest_format_is_taken_recorded_and_kept(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faster: bool
) -> None:
    def measured(descent, formats, *batch):
        return {f: 0.1 if f.channels_last is faster else 0.3 for f in formats}

    monkeypatch.setattr(convolutional, "LONG", 1)
    monkeypatch.setattr(convolutional, "step_times", measured)
    options, observer = make(data, amp="off"), StopAfter(4)
    opening = create_run(tmp_path / "run", PROGRAM, options.recorded(), ["test"])
    conduct(opening, prepare, observer)
    expected = f"torch float32{' channels last' * faster}"
    assert read_manifest(tmp_path / "run").engine == expected
    assert any(
        expected.removeprefix("torch ") in line and "100 ms" in line for line in observer.said
    )

    monkeypatch.setattr(
        convolutional, "step_times", lambda *_: pytest.fail("a run that goes on tries nothing")
    )
    again = reopen_run(tmp_path / "run", PROGRAM, {})
    assert conduct(again, prepare).engine == expected
    uninterrupted = train(tmp_path / "b", make(data, amp="off", layout=LAYOUTS[faster]))
    assert uninterrupted.final == read_manifest(tmp_path / "run").final


def test_threads_that_wait_for_one_another_are_named(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([5.0, 1.0])
    monkeypatch.setattr(convolutional, "LONG", 1)
    monkeypatch.setattr(
        convolutional, "step_times", lambda d, formats, *_: dict.fromkeys(formats, next(times))
    )
    observer = StopAfter(1)
    options = make(data, threads=2)
    conduct(create_run(tmp_path / "run", PROGRAM, options.recorded(), ["test"]), prepare, observer)
    assert any("`threads=1` is faster here" in line for line in observer.said)
