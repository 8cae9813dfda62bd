"""The critical scaling against the network itself, loops, and the limits of the literature."""

from itertools import repeat

import numpy as np
import pytest
import torch

from resdepth.engine.loss import CrossEntropy
from resdepth.engine.network import Network
from resdepth.engine.reference import hidden_states
from resdepth.mathematics.activation import ACTIVATIONS
from resdepth.mathematics.critical import (
    STRUCTURES,
    critical_scaling,
    limit,
    prefixes,
)
from resdepth.mathematics.fractional import fractional_noise
from resdepth.mathematics.random import stream


def drawn(hurst: float, width: int, depth: int, seed: int, draw: int, count: int):
    """h_0 and the matrices of one draw, (depth, width, width) each."""
    generator = stream(seed, "blocks", draw)
    noise = [
        fractional_noise(depth, hurst, repeat(generator, width**2)).reshape(width, width, depth)
        for _ in range(count)
    ]
    h = stream(seed, "inputs", draw).standard_normal(width)
    return h, [matrix.transpose(2, 0, 1) / np.sqrt(width) for matrix in noise]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_branch_of_skip_is_the_networks_own(activation: str) -> None:
    h, (blocks,) = drawn(0.6, 3, 5, 1, 0, 1)
    value = ACTIVATIONS[activation].value
    sigma = lambda z: value(torch.from_numpy(z)).numpy()  # noqa: E731
    found = STRUCTURES["skip"](h, sigma, iter([blocks.transpose(1, 2, 0)]))
    start = torch.from_numpy(h)[None]
    for k in range(5):
        network = Network(
            torch.from_numpy(blocks[k : k + 1].copy()),
            torch.zeros(3, 2, dtype=torch.float64),
            torch.zeros(2, 3, dtype=torch.float64),
            alpha=0.5,
            activation=activation,
            augmentation="skip",
            loss=CrossEntropy(),
        )
        (after,) = hidden_states(network, start)
        np.testing.assert_allclose(found[:, k], (after - start)[0].numpy(), atol=1e-14)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_estimate_is_the_slope_written_out(structure: str) -> None:
    slopes = []
    for draw in range(3):
        h, matrices = drawn(0.7, 4, 64, 9, draw, {"skip": 1, "res3": 2}[structure])
        total, norms = np.zeros(4), {}
        for k, layer in enumerate(zip(*matrices, strict=True), 1):
            branch = np.tanh(layer[0] @ h)
            total = total + (layer[1] @ branch if structure == "res3" else branch)
            norms[k] = np.linalg.norm(total)
        sizes = [norms[n] for n in (4, 8, 16, 32, 64)]
        slopes.append(np.polyfit(np.log([4, 8, 16, 32, 64]), np.log(sizes), 1)[0])
    found = critical_scaling(0.7, structure, "tanh", width=4, depth=64, draws=3, seed=9)
    assert found.beta.value == pytest.approx(np.mean(slopes), rel=1e-9)
    assert found.standard_error == pytest.approx(np.std(slopes, ddof=1) / np.sqrt(3), rel=1e-6)
    # Student's t of two degrees of freedom.
    assert found.beta.high - found.beta.value == pytest.approx(4.302653 * found.standard_error)


def test_prefixes_are_halves() -> None:
    assert prefixes(2000) == (125, 250, 500, 1000, 2000)


# Measured on a prototype with 24 draws at width 20, standard errors .008 to .018.
PROTOTYPE = {
    ("res3", "relu", 0.2): 0.496,
    ("res3", "relu", 0.5): 0.516,
    ("res3", "relu", 0.8): 0.754,
    ("res3", "relu", 0.95): 0.927,
    ("skip", "tanh", 0.2): 0.445,
    ("skip", "tanh", 0.5): 0.501,
    ("skip", "tanh", 0.8): 0.797,
    ("skip", "tanh", 0.95): 0.935,
}


@pytest.mark.parametrize(("structure", "activation", "hurst"), PROTOTYPE)
def test_estimates_of_the_prototype(structure: str, activation: str, hurst: float) -> None:
    found = critical_scaling(hurst, structure, activation, width=10)
    assert found.standard_error < 0.035
    expected = PROTOTYPE[structure, activation, hurst]
    assert found.beta.value == pytest.approx(expected, abs=3 * (found.standard_error + 0.01))


@pytest.mark.parametrize(
    ("structure", "activation", "hurst", "expected"),
    [
        ("res3", "relu", 0.3, 0.5),
        ("res3", "relu", 0.8, 0.8),
        ("res3", "tanh", 0.7, 0.5),
        ("res3", "tanh", 0.95, 0.9),
        ("skip", "tanh", 0.8, 0.8),
        ("skip", "sigmoid", 0.3, 1.0),
        ("skip", "relu", 0.8, 1.0),
    ],
)
def test_the_limit_is_what_estimates_tend_to(structure, activation, hurst, expected) -> None:
    assert limit(hurst, structure, activation) == pytest.approx(expected)
    found = critical_scaling(hurst, structure, activation, width=10, seed=3)
    assert found.beta.value == pytest.approx(expected, abs=0.07 + 2 * found.standard_error)
