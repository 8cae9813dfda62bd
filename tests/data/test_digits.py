"""The embedded digits: counts, split, normalisation, and the very pixels."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from resdepth.data.builtin import digits
from resdepth.data.load import load_data
from resdepth.errors import Usage
from resdepth.options.train import TrainOptions
from tests.support.messages import refused


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
