"""What a step records, against its definition computed from the checkpoint."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import resdepth
from resdepth.training.observer import Observer
from tests.support.events import points

Make = Callable[..., resdepth.Run]
P = 3.0


def variation(path: np.ndarray, p: float) -> float:
    """sup over partitions of sum |x_t - x_s|^p, by dynamic programming over the last jump."""
    best = [0.0]
    for t in range(1, len(path)):
        best.append(max(best[s] + np.linalg.norm(path[t] - path[s]) ** p for s in range(t)))
    return best[-1]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def train(**settings: object) -> resdepth.Run:
        defaults = {
            "depth": 7,
            "width": 3,
            "train_fraction": 0.1,
            "epochs": 6,
            "checkpoint_every": 1,
            "p_var": P,
            "threads": 1,
            "dtype": "float64",
        }
        return resdepth.train(resdepth.TrainOptions(**(defaults | settings)), tmp_path / "run")

    return train


def norm(run: resdepth.Run, step: int, p: float) -> float:
    blocks = run.checkpoint(step).blocks.numpy()
    path = len(blocks) ** (1.0 - run.options.alpha) * blocks.reshape(len(blocks), -1)
    return float(variation(path, p) ** (1.0 / p))


def test_p_variation_norms(make: Make) -> None:
    run = make()
    scalars = points(run.path)
    for step in range(1, 7):
        for p in (P, 0.75 * P, 0.5 * P):
            found = scalars[f"p_variation_norm/{p:g}", step]
            assert found == pytest.approx(norm(run, step, p), rel=1e-6)


def test_every_tag_at_every_step(make: Make) -> None:
    scalars = points(make(val_every=2).path)
    every = {"loss", "accuracy", "precision", "recall", "lr", "avg_grad_norm"}
    every |= {f"p_variation_norm/{p:g}" for p in (P, 0.75 * P, 0.5 * P)}
    validation = {f"val/{tag}" for tag in every if tag != "lr" and "/" not in tag}
    wanted = {(tag, step) for tag in every for step in range(7)}
    wanted |= {(tag, step) for tag in validation for step in (0, 2, 4, 6)}
    assert set(scalars) == wanted


def test_cadences(make: Make) -> None:
    scalars = points(make(log_every=4, val_every=0, p_var_every=3).path)
    at: dict[str, list[int]] = {}
    for tag, step in sorted(scalars):
        at.setdefault(tag, []).append(step)
    assert at["loss"] == [0, 4, 6] and at["val/loss"] == [6]
    assert at[f"p_variation_norm/{P:g}"] == [0, 6]


def test_a_regression_has_no_classes(make: Make) -> None:
    run = make(data="sin", num_samples=30, train_fraction=1.0, lr=0.1)
    tags = {tag for tag, _ in points(run.path)}
    assert "val/loss" in tags and not any("accuracy" in tag for tag in tags)
    assert set(run.manifest.final) == {"loss", "avg_grad_norm", "val/loss", "val/avg_grad_norm"}


def test_what_is_not_wanted_is_not_recorded(make: Make) -> None:
    tags = {tag for tag, _ in points(make(no_p_var=True, store_grad=False, p_var=2).path)}
    assert not any("p_variation" in tag or "grad_norm" in tag for tag in tags)


@pytest.mark.parametrize("quiet", [{}, {"no_p_var": True}, {"p_var_every": 4, "log_every": 3}])
@pytest.mark.parametrize("rule", ["recursive", "anchored"])
def test_dynamic_rate_rests_on_the_norm(make: Make, rule: str, quiet: dict[str, object]) -> None:
    options = {"dynamic_lr": True, "dynamic_lr_rule": rule, "lr_constant": 0.7, "lr_max": 1e3}
    run = make(lr=3.0, alpha=0.2, **options, **quiet)
    rate, capped = 3.0, 0
    for step in range(1, 7):
        base = 3.0 if rule == "anchored" else rate
        rate = min(1e3, 0.7 * base / norm(run, step, P) ** 2)
        capped += rate == 1e3
        assert run.checkpoint(step).lr == pytest.approx(rate, rel=1e-11)
    assert capped < 6


def test_zero_variation_gives_the_largest_rate(make: Make) -> None:
    # From equal layers of one number each, by symmetry of `none` at depth 1: no path at all.
    run = make(depth=1, dynamic_lr=True, lr=2.0, lr_max=4.0)
    assert [run.checkpoint(step).lr for step in (1, 2, 6)] == [4.0, 4.0, 4.0]
    assert points(run.path)[f"p_variation_norm/{P:g}", 3] == 0.0


def test_the_last_record_is_of_the_whole_training_set(make: Make) -> None:
    run = make(batch_size=50)
    assert run.manifest.steps == 18
    scalars, final = points(run.path), run.manifest.final
    for tag in ("loss", "accuracy", "precision", "recall", "avg_grad_norm", "val/loss"):
        assert scalars[tag, 18] == np.float32(final[tag])
    whole = run.checkpoint(18)
    train, _ = resdepth.load_data(run.options)
    h = train.inputs.numpy() @ whole.readin.numpy().T
    for block in whole.blocks.numpy():
        h = h + 7**-run.options.alpha * np.tanh(h @ block.T)
    logits = h @ whole.readout.numpy().T
    y = train.targets.numpy()
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    picked = shares[np.arange(len(y)), y]
    assert final["loss"] == pytest.approx(-np.log(picked).mean(), rel=1e-12)
    assert final["accuracy"] == np.mean(logits.argmax(1) == y)
    squares = (shares**2).sum(1) - 2 * picked + 1
    assert final["avg_grad_norm"] == pytest.approx(squares.mean(), rel=1e-12)


def test_the_manifest_of_a_finished_run(make: Make) -> None:
    manifest = make().manifest
    assert (manifest.outcome, manifest.steps, manifest.device) == ("finished", 6, "cpu")
    assert (manifest.threads, manifest.engine in ("cpu", "eager")) == (1, True)
    assert manifest.seconds_per_step is not None and 0 < manifest.seconds_per_step < 60
    assert all(math.isfinite(value) for value in manifest.final.values())


def test_a_stalled_rate_is_said_once(make: Make, tmp_path: Path) -> None:
    class Listener(Observer):
        def __init__(self) -> None:
            self.heard: list[str] = []

        def say(self, text: str) -> None:
            self.heard.append(text)

    listener = Listener()
    options = resdepth.TrainOptions(
        depth=4, width=3, dynamic_lr=True, lr=10.0, lr_constant=1e-9, epochs=5, threads=1
    )
    resdepth.train(options, tmp_path / "stalled", observer=listener)
    (said,) = [text for text in listener.heard if "stalled" in text]
    assert "`dynamic_lr_rule=anchored` or an `lr_constant` above 1e-09 avoids it" in said
