"""What docs/architecture.md promises: additions touch the files it names, and nothing else."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from resdepth.analysis.training import RunCurves, training_curves
from resdepth.data.load import load_data
from resdepth.engine.autograd import ReferenceEngine
from resdepth.engine.contract import Batch
from resdepth.engine.kernels.eager import EagerEngine
from resdepth.figures import style
from resdepth.mathematics import initialise
from resdepth.mathematics.activation import ACTIVATIONS, Activation
from resdepth.mathematics.random import stream
from resdepth.options.train import TrainOptions
from resdepth.training.problem import initial_network
from tests.support.networks import AUGMENTATIONS, batch, network

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/architecture.md"


def test_the_rooms_and_files_it_names_are_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|md)|[a-z_]+\.py)`", text))
    assert len(named) > 25
    there = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/**/*.py")}
    there |= {path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md")}
    assert not [name for name in named if not any(f"/{it}".endswith(f"/{name}") for it in there)]


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_an_activation_is_a_function_and_its_derivatives(
    monkeypatch: pytest.MonkeyPatch, augmentation: str
) -> None:
    monkeypatch.setitem(ACTIVATIONS, "sine", SINE)
    net = network(activation="sine", augmentation=augmentation)
    found, oracle = (
        engine.loss_and_gradient(Batch(net, *batch(net)))
        for engine in (EagerEngine(), ReferenceEngine())
    )
    assert found.gradient is not None and oracle.gradient is not None
    assert float(oracle.gradient.abs().max()) > 0
    torch.testing.assert_close(found.gradient, oracle.gradient, rtol=1e-10, atol=1e-13)


SINE = Activation("sine", torch.sin, lambda z, value: torch.cos(z), lambda z, value: -value)


def test_an_initial_rule_is_a_way_to_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    def orthogonal(shape: tuple[int, int, int], scale: float, seed: int) -> Any:
        drawn = stream(seed, "blocks").standard_normal(shape)
        return scale * np.stack([np.linalg.qr(block)[0] for block in drawn])

    monkeypatch.setitem(
        initialise.INITIALISATIONS, "orthogonal", initialise.Initialisation(orthogonal)
    )
    options = TrainOptions(depth=4, width=3, dtype="float64")
    options = options.model_copy(update={"init": "orthogonal"})
    blocks = initial_network(options, load_data(options)[0]).blocks
    products = blocks @ blocks.mT / blocks[0, 0].square().sum()
    torch.testing.assert_close(products, torch.eye(3, dtype=torch.float64).expand(4, 3, 3))


def test_a_figure_is_a_table_and_a_drawing(small_run: Path, tmp_path: Path) -> None:
    @style.styled
    def draw(curves: RunCurves) -> Figure:
        drawn = style.figure(1, 2.0)
        drawn.subplots().semilogy(curves.loss.step, curves.loss.value)
        return drawn

    (curves,) = training_curves([small_run])
    style.save(draw(curves), tmp_path / "loss.pdf")
    assert (tmp_path / "loss.pdf").read_bytes().startswith(b"%PDF")
