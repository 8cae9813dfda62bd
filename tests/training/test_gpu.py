"""Whole runs on a CUDA device: they follow the CPU, go on after a stop, and reach great depths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import resdepth
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.runs.folder import create_run
from resdepth.training.convolutional import prepare
from resdepth.training.observer import Observer
from resdepth.training.session import conduct
from tests.support.pictures import picture_folder

DEVICE, ENGINE = "cuda", "cuda"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


class Scalars(Observer):
    """Keeps the scalars of each step in float64; asks to stop at step `last`."""

    def __init__(self, last: int = 10**9) -> None:
        self.seen: dict[int, Mapping[str, float]] = {}
        self.last = last

    def step(self, step: int, scalars: Mapping[str, float]) -> None:
        self.seen[step] = scalars

    def stop(self) -> int | None:
        return 15 if len(self.seen) > self.last else None

    def all(self, tag: str) -> list[float]:
        return [scalars[tag] for _, scalars in sorted(self.seen.items())]


def recorded(folder: Path, **given: Any) -> Scalars:
    observer = Scalars()
    options = resdepth.TrainOptions(depth=64, lr=9.0, epochs=50, **given)
    run = resdepth.train(options, folder, observer=observer)
    assert run.manifest.outcome == "finished"
    return observer


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-10)])
@pytest.mark.parametrize("batch", [None, 400])
def test_a_run_follows_the_cpu(
    batch: int | None, dtype: str, tolerance: float, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"dtype": dtype, "batch_size": batch}
    cpu = recorded(tmp_path / "cpu", device="cpu", **given)
    gpu = recorded(tmp_path / "gpu", device=DEVICE, engine=ENGINE, **given)
    assert sorted(gpu.seen) == sorted(cpu.seen) == list(range(50 * (4 if batch else 1) + 1))
    for tag in ("loss", "avg_grad_norm", "p_variation_norm/2"):
        np.testing.assert_allclose(gpu.all(tag), cpu.all(tag), rtol=tolerance)


@pytest.mark.parametrize("given", [{}, {"batch_size": 400}, {"dynamic_lr": True}], ids=str)
def test_a_stopped_run_goes_on_to_the_same_bits(given: dict[str, Any], tmp_path: Path) -> None:
    options = resdepth.TrainOptions(depth=64, epochs=30, device=DEVICE, engine=ENGINE, **given)
    whole = resdepth.train(options, tmp_path / "whole")
    assert whole.manifest.overlapped != bool(given.get("dynamic_lr"))
    cut = resdepth.train(options, tmp_path / "cut", observer=Scalars(17))
    assert cut.manifest.outcome == "interrupted"
    again = resdepth.train(resdepth.TrainOptions(), tmp_path / "cut", resume=True)
    assert again.manifest.outcome == "finished"
    assert torch.equal(again.checkpoint().blocks, whole.checkpoint().blocks)


def test_divergence_keeps_finite_weights(tmp_path: Path) -> None:
    options = resdepth.TrainOptions(
        depth=20, lr=1e6, activation="relu", augmentation="linear_skip", epochs=60, device=DEVICE
    )
    run = resdepth.train(options, tmp_path)
    assert run.manifest.outcome == "diverged"
    assert torch.isfinite(run.checkpoint().blocks).all()


def test_a_hundred_thousand_layers_train(tmp_path: Path) -> None:
    options = resdepth.TrainOptions(
        depth=100_000, epochs=4, no_p_var=True, checkpoint_every=0, device=DEVICE, engine=ENGINE
    )
    observer = Scalars()
    resdepth.train(options, tmp_path, observer=observer)
    losses = observer.all("loss")
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.99 * losses[0]


def test_a_surface_follows_the_cpu(tmp_path: Path) -> None:
    options = resdepth.TrainOptions(depth=16, epochs=20, device=DEVICE)
    run = resdepth.train(options, tmp_path / "run")
    losses = [
        resdepth.render_landscape(
            run, tmp_path / name, resdepth.RenderOptions(steps=5, device=device)
        ).losses
        for name, device in (("gpu.npy", DEVICE), ("cpu.npy", "cpu"))
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_he_s_network_trains_as_a_graph(tmp_path: Path) -> None:
    options = ResnetCifarOptions(
        depth=8, data="folder", data_dir=picture_folder(tmp_path / "images"), epochs=20,
        batch_size=20, lr=0.1, device=DEVICE,
    )  # fmt: skip
    opening = create_run(tmp_path / "run", "resnet-cifar", options.recorded(), ["test"])
    ended = conduct(opening, prepare)
    assert ended.outcome == "finished" and "graph" in ended.engine
    assert ended.final["val/accuracy"] > 0.3  # of 8 classes
