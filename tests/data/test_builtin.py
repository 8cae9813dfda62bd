"""The embedded digits and the functions of one variable, against their definitions."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from resdepth.data.builtin import digits
from resdepth.data.dataset import Dataset
from resdepth.data.load import load_data
from resdepth.errors import Usage
from resdepth.options.train import TrainOptions
from tests.support.messages import refused


def load(**settings: object) -> tuple[Dataset, Dataset]:
    return load_data(TrainOptions(**{"data": "sin", "dtype": "float64", **settings}))


@pytest.mark.parametrize("data", ["sin", "constant"])
@pytest.mark.parametrize("samples", [1, 500])
def test_shapes_and_interval(data: str, samples: int) -> None:
    train, validation = load(data=data, num_samples=samples)
    for part in (train, validation):
        assert part.inputs.shape == (samples, 1) and part.targets.shape == (samples,)
        assert part.inputs.abs().max() <= 1.0 and part.classes == ()
    assert not torch.equal(train.inputs, validation.inputs)


def test_sine() -> None:
    train, _ = load(num_samples=300, sin_frequency=2.5)
    x = train.inputs[:, 0].numpy()
    np.testing.assert_allclose(train.targets.numpy(), np.sin(2.5 * x), rtol=0, atol=1e-15)
    assert x.min() < -0.9 and x.max() > 0.9


def test_constant() -> None:
    assert set(load(data="constant")[0].targets.tolist()) == {0.1}
    for part in load(data="constant", target_value=-0.7):
        assert set(part.targets.tolist()) == {-0.7}


@pytest.mark.parametrize("separation", [0.0, 0.25, 3.0])
@pytest.mark.parametrize("samples", [1, 40, 400])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_separation_of_all_pairs(separation: float, samples: int, dtype: str) -> None:
    bound = math.exp(-4.0 * separation) / (8.0 * samples)
    for part in load(separation=separation, num_samples=samples, dtype=dtype):
        x = part.inputs[:, 0].double()
        assert float(torch.outer(x, x).abs().max()) <= bound
        if samples == 400:
            # The interval is used, not merely respected.
            assert float(x.abs().max()) > 0.9 * math.sqrt(bound)


def test_one_period_over_the_interval() -> None:
    samples, separation = 2000, 1.0
    train, _ = load(separation=separation, num_samples=samples, sin_frequency="period")
    half = math.sqrt(math.exp(-4.0 * separation) / (8.0 * samples))
    x = train.inputs[:, 0].numpy()
    np.testing.assert_allclose(train.targets.numpy(), np.sin(np.pi * x / half), atol=1e-12)
    assert train.targets.max() > 0.99 and train.targets.min() < -0.99


def test_the_seed_decides() -> None:
    one, again, other = (load(seed=seed)[0].inputs for seed in (1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, other)


@pytest.mark.parametrize(
    ("settings", "flag", "reason"),
    [
        ({"separation": 1e4}, "--separation", "leaves .* too small for float64"),
        ({"separation": 1e4, "sin_frequency": "period"}, "--separation", "leaves"),
        ({"separation": 100.0, "dtype": "float32"}, "--separation", "too small for float32"),
        ({"sin_frequency": 1e9}, "--sin-frequency", "rounding decides the sine"),
        ({"sin_frequency": -1e300}, "--sin-frequency", "rounding decides the sine"),
        (
            {"data": "constant", "target_value": 1e39, "dtype": "float32"},
            "--target-value",
            "beyond",
        ),
        ({"data": "constant", "target_value": -1e300, "dtype": "float32"}, "--target", "beyond"),
    ],
)
def test_data_that_would_not_be_finite_or_all_zero(
    settings: dict[str, object], flag: str, reason: str
) -> None:
    with refused(Usage, match=f"{flag}.*{reason}") as caught:
        load(**settings)
    assert caught.value.remedy


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("samples", [1, 1000])
def test_the_separation_that_is_advised_works(dtype: str, samples: int) -> None:
    with pytest.raises(Usage) as caught:
        load(separation=1e4, num_samples=samples, dtype=dtype)
    advised = float(caught.value.remedy.split()[2])
    for part in load(separation=advised, num_samples=samples, dtype=dtype):
        # K to its full precision: no two samples are rounded to one.
        assert len(part.inputs.unique()) == samples
    with pytest.raises(Usage):
        load(separation=advised + 1.0, num_samples=samples, dtype=dtype)


def test_the_largest_frequency_is_as_exact_as_said() -> None:
    frequency = 2.0**26
    train, _ = load(num_samples=200, sin_frequency=frequency)
    wanted = [math.sin(math.fmod(x * frequency, 2 * math.pi)) for x in train.inputs[:, 0].tolist()]
    np.testing.assert_allclose(train.targets.numpy(), wanted, rtol=0, atol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_counts_and_dtype(dtype: str) -> None:
    train, validation = load_data(TrainOptions(dtype=dtype))
    assert train.inputs.shape == (1437, 64) and validation.inputs.shape == (360, 64)
    assert train.inputs.dtype == getattr(torch, dtype) and train.targets.dtype == torch.int64
    assert train.classes == tuple("0123456789") == validation.classes


def test_the_split_is_stratified_and_fixed() -> None:
    train, validation = digits(torch.float64)
    inside, outside = (Counter(part.targets.tolist()) for part in (train, validation))
    for digit in range(10):
        share = outside[digit] / (inside[digit] + outside[digit])
        assert share == pytest.approx(0.2, abs=0.006)
    rows = {row.numpy().tobytes() for row in train.inputs}
    shared = sum(row.numpy().tobytes() in rows for row in validation.inputs)
    assert shared == 0


def test_normalisation() -> None:
    train, validation = digits(torch.float64)
    raw = torch.cat([train.inputs, validation.inputs]) * 0.3763 + 0.3053
    values = raw * 16.0
    torch.testing.assert_close(values, values.round(), rtol=0, atol=1e-12)
    assert (values.min().round(), values.max().round()) == (0, 16)
    assert float(raw.mean()) == pytest.approx(0.3053, abs=5e-5)
    assert float(raw.std(correction=0)) == pytest.approx(0.3763, abs=5e-4)


def test_the_pixels_are_the_published_ones(shared_data: Path) -> None:
    with np.load(shared_data / "digits.npz", allow_pickle=False) as archive:
        wanted = sorted(
            (int(label), image.tobytes())
            for image, label in zip(archive["images"], archive["labels"], strict=True)
        )
    found = []
    for part in digits(torch.float64):
        pixels = ((part.inputs * 0.3763 + 0.3053) * 16.0).round().to(torch.uint8).numpy()
        found += [(int(y), x.tobytes()) for x, y in zip(pixels, part.targets, strict=True)]
    assert sorted(found) == wanted


@pytest.mark.parametrize(("fraction", "samples"), [(0.25, 359), (1.0, 1437), (1e-9, 1)])
def test_train_fraction(fraction: float, samples: int) -> None:
    options = TrainOptions(train_fraction=fraction, seed=5)
    train, validation = load_data(options)
    assert (train.samples, validation.samples) == (samples, 360)
    again, _ = load_data(options)
    assert torch.equal(train.inputs, again.inputs) and torch.equal(train.targets, again.targets)
    if 1 < samples < 1437:
        other, _ = load_data(TrainOptions(train_fraction=fraction, seed=6))
        assert not torch.equal(train.inputs, other.inputs)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"input_size": 63}, "--input-size: 63 is not the 64 features of --data=digits"),
        ({"classes": 9}, "--classes: 9 is fewer than the 10"),
    ],
)
def test_contradictions(settings: dict[str, int], message: str) -> None:
    with refused(Usage, match=message):
        load_data(TrainOptions(**settings))
    load_data(TrainOptions(input_size=64, classes=12))
