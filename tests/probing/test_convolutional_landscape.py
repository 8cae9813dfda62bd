"""Surfaces of convolutional runs, cell by cell against torch's own modules in float64."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import resdepth
from resdepth.data.image_folder import pixels
from resdepth.mathematics import random_directions
from resdepth.options.landscape import RenderOptions, TrajectoryOptions
from resdepth.probing.loss_surface import render
from resdepth.probing.objectives import Source
from tests.support.pictures import picture_folder
from tests.support.plain_resnet import Plain


@pytest.fixture(scope="module", params=["skip", "no-skip"])
def run(request, workers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of depth 8 after three epochs."""
    folder = tmp_path_factory.mktemp(request.param)
    data = picture_folder(folder / "images")
    args = "resnet-cifar --depth 8 --data folder --epochs 3 --batch-size 20 --lr 0.05 --alpha 0"
    args += f" --threads 1 --device cpu --{request.param} --out run --data-dir"
    assert workers.run(*args.split(), data, cwd=folder).code == 0
    return folder / "run"


def rendered(run: Path, out: Path, **changed: object) -> tuple[np.ndarray, np.ndarray, dict]:
    asked = RenderOptions(**{"steps": 3, "threads": 1, "device": "cpu", **changed})
    paths = render(Source.of(resdepth.open_run(run)), asked, out, ["resdepth"])
    losses, record, accuracies = paths
    return np.load(losses), np.load(accuracies), json.loads(record.read_text())


def plain_scores(run: Path, tensors: dict[str, torch.Tensor], record: dict) -> tuple[float, float]:
    """Loss and accuracy of named tensors over the run's training images."""
    options = resdepth.open_run(run).recorded_options
    images, _ = pixels(options.data_dir, 1)
    net = Plain(1, options.alpha, len(images.classes), 3, options.skip).double()
    layers = ["first", *(f"blocks.{k}.{name}" for k in range(3) for name in ("first", "second"))]
    with torch.no_grad():
        for layer, (conv, norm) in zip(layers, net.pairs(), strict=True):
            conv.weight.copy_(tensors[f"{layer}.kernel"])
            norm.weight.copy_(tensors[f"{layer}.weight"])
            norm.bias.copy_(tensors[f"{layer}.bias"])
            norm.running_mean.copy_(tensors[f"{layer}.mean"])
            norm.running_var.copy_(tensors[f"{layer}.variance"])
        net.linear.weight.copy_(tensors["readout.weight"])
        net.linear.bias.copy_(tensors["readout.bias"])
        chosen = np.arange(len(images.labels))
        if record["subset"]:
            drawn = np.random.default_rng([record["seed"], 1]).permutation(len(chosen))
            chosen = np.sort(drawn[: record["subset"]])
        x = images.images[chosen].double() / 127.5 - 1
        if record["statistics"] == "recalibrated":
            torch.optim.swa_utils.update_bn([x], net)
        logits = net.eval()(x)
    labels = images.labels[chosen]
    loss = float(torch.nn.functional.cross_entropy(logits, labels))
    return loss, float((logits.argmax(1) == labels).double().mean())


@pytest.mark.parametrize(
    "changed",
    [
        {"span": 0.5},
        {"span": 0.5, "statistics": "recalibrated", "normalise": "layer"},
        {"span": 0.25, "norms": True, "subset": 30, "seed": 3},
    ],
    ids=["centre", "recalibrated", "norms"],
)
def test_cells_are_those_of_plain_torch(run: Path, tmp_path: Path, changed) -> None:
    losses, accuracies, record = rendered(run, tmp_path / "x.npy", **changed)
    centre = {n: t.double() for n, t in resdepth.open_run(run).checkpoint().tensors.items()}
    trained = [name for name in centre if not name.endswith((".mean", ".variance"))]
    trained = _in_order(run, trained)
    total = sum(centre[name].numel() for name in trained)
    drawn = np.random.default_rng(record["seed"]).standard_normal((2, total))
    start, ways = 0, {}
    for name in trained:
        weights = centre[name].numpy()
        part = drawn[:, start : start + weights.size].reshape(2, *weights.shape)
        start += weights.size
        if weights.ndim == 1:
            size = np.linalg.norm(weights) / np.linalg.norm(part, axis=1, keepdims=True)
            ways[name] = part * size if record["norms"] else np.zeros_like(part)
        else:
            ways[name] = random_directions.normalise(part, weights, record["normalise"], 0)
    for i, j in [(0, 0), (1, 1), (2, 0), (1, 2)]:
        a, b = record["axes"][0][i], record["axes"][1][j]
        moved = {
            n: t + torch.from_numpy(a * ways[n][0] + b * ways[n][1]) if n in ways else t
            for n, t in centre.items()
        }
        loss, accuracy = plain_scores(run, moved, record)
        assert losses[i, j] == pytest.approx(loss, rel=1e-5)
        assert accuracies[i, j] == pytest.approx(accuracy, abs=1e-12)
    assert record["statistics"] == changed.get("statistics", "centre")
    assert record["run_loss"] is None


def _in_order(run: Path, names: list[str]) -> list[str]:
    """The order of torch's own parameters, which the layout has."""
    from resdepth.engine.resnet import ResNet

    options = resdepth.open_run(run).recorded_options
    return [name for name, _ in ResNet(8, 0.0, 2, skip=options.skip).named_parameters()]


class Stop(Exception):
    """What interrupts a rendering."""


@pytest.mark.parametrize("statistics", ["centre", "recalibrated"])
def test_killed_and_resumed_gives_the_same_bits(run, tmp_path, statistics) -> None:
    once, _, _ = rendered(run, tmp_path / "once.npy", statistics=statistics)
    out = tmp_path / "twice.npy"
    asked = RenderOptions(steps=3, threads=1, device="cpu", statistics=statistics)

    def stop(done: int, cells: int) -> None:
        if done == 4:
            raise Stop

    with pytest.raises(Stop):
        render(Source.of(resdepth.open_run(run)), asked, out, ["resdepth"], stop)
    again, _, _ = rendered(run, out, statistics=statistics, resume=True)
    np.testing.assert_array_equal(again, once)


def test_the_way_to_other_weights_ends_in_their_own_loss(run, tmp_path) -> None:
    other = next(iter(sorted(resdepth.open_run(run).path.glob("checkpoints/step_*"))))
    losses, _, record = rendered(run, tmp_path / "x.npy", directions=(str(other),), steps=5)
    assert record["statistics"] == "recalibrated"
    step = int(other.stem.removeprefix("step_"))
    tensors = {n: t.double() for n, t in resdepth.open_run(run).checkpoint(step).tensors.items()}
    loss, _ = plain_scores(run, tensors, record)
    assert losses[3] == pytest.approx(loss, rel=1e-5)


def test_the_path_of_a_convolutional_run(run, tmp_path) -> None:
    found = resdepth.open_run(run)
    asked = TrajectoryOptions(steps=3, threads=1, device="cpu")
    _, written, _ = render(Source.of(found), asked, tmp_path / "x.npy", ["resdepth"])
    record = json.loads(written.read_text())
    path = record["path"]
    names = _in_order(run, [])
    theta = np.stack(
        [
            np.concatenate([found.checkpoint(s).tensors[n].double().numpy().ravel() for n in names])
            for s in path["steps"]
        ]
    )
    rows = np.linalg.svd(theta - theta.mean(axis=0), full_matrices=False)[2][:2]
    expected = np.abs((theta - theta[-1]) @ rows.T)
    np.testing.assert_allclose(np.abs(path["coordinates"]), expected, atol=1e-9)
    # Three points lie in their plane: the losses differ by rounding alone.
    assert len(theta) == 3 and max(path["distance"]) < 1e-9
    np.testing.assert_allclose(path["loss"], path["plane_loss"], rtol=1e-5)
    for number, step in enumerate(path["steps"]):
        tensors = {n: t.double() for n, t in found.checkpoint(step).tensors.items()}
        loss, accuracy = plain_scores(run, tensors, record)
        assert path["loss"][number] == pytest.approx(loss, rel=1e-5)
        assert path["accuracy"][number] == pytest.approx(accuracy, abs=1e-12)
