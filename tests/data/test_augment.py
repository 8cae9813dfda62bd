"""Crops, flips and the plan of an epoch against loops over single pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from resdepth.data.dataset import PADDING, Epoch, Pixels, crop, mirror, normalise

CPU = torch.device("cpu")


def random_images(samples: int, channels: int, height: int, width: int) -> torch.Tensor:
    drawn = np.random.default_rng(samples).integers(0, 256, (samples, channels, height, width))
    return torch.from_numpy(drawn.astype(np.uint8))


def naive_crop(image: np.ndarray, row: int, column: int, padding: int) -> np.ndarray:
    """One image cut pixel by pixel; outside of it everything is 0."""
    channels, height, width = image.shape
    cut = np.zeros_like(image)
    for place in np.ndindex(channels, height, width):
        y, x = place[1] + row - padding, place[2] + column - padding
        if 0 <= y < height and 0 <= x < width:
            cut[place] = image[place[0], y, x]
    return cut


@pytest.mark.parametrize(
    ("samples", "channels", "height", "width", "padding"),
    [(7, 3, 8, 8, 4), (5, 1, 6, 11, 4), (1, 2, 3, 3, 1), (4, 3, 5, 4, 0)],
)
def test_crop(samples: int, channels: int, height: int, width: int, padding: int) -> None:
    images = random_images(samples, channels, height, width)
    offsets = np.random.default_rng(1).integers(0, 2 * padding + 1, (2, samples))
    offsets[:, 0] = (0, 2 * padding)
    cut = crop(images, torch.from_numpy(offsets), padding)
    expected = [
        naive_crop(image, *offset, padding)
        for image, offset in zip(images.numpy(), offsets.T, strict=True)
    ]
    assert cut.dtype == torch.uint8
    np.testing.assert_array_equal(cut.numpy(), np.stack(expected))


def test_crop_in_the_middle_is_the_image() -> None:
    images = random_images(3, 3, 8, 8)
    assert torch.equal(crop(images, torch.full((2, 3), PADDING)), images)


def test_mirror() -> None:
    images = random_images(4, 3, 5, 6)
    chosen = torch.tensor([True, False, True, False])
    expected = images.numpy().copy()
    expected[[0, 2]] = expected[[0, 2], :, :, ::-1]
    np.testing.assert_array_equal(mirror(images, chosen).numpy(), expected)


def test_normalise() -> None:
    values = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    expected = (np.arange(256) / 255.0 - 0.5) / 0.5
    got = normalise(values, torch.float64).numpy().ravel()
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-15)
    assert normalise(values).dtype == torch.float32


def draw(seed: int, number: int, *, flip: bool = True, samples: int = 600) -> Epoch:
    return Epoch.draw(seed, number, samples, flip=flip, device=CPU)


def test_epoch_takes_every_image_once_with_every_offset() -> None:
    epoch = draw(0, 0)
    assert sorted(epoch.order.tolist()) == list(range(600))
    assert set(epoch.offsets.ravel().tolist()) == set(range(2 * PADDING + 1))
    assert epoch.flips is not None
    # Within 6 standard deviations of a half.
    assert abs(float(epoch.flips.double().mean()) - 0.5) < 6 * 0.5 / 600**0.5


def test_epoch_is_a_function_of_seed_and_number() -> None:
    first, again = draw(3, 2), draw(3, 2)
    assert torch.equal(first.order, again.order)
    assert torch.equal(first.offsets, again.offsets)


@pytest.mark.parametrize(("seed", "number"), [(4, 2), (3, 1)])
def test_epoch_differs_with_seed_and_number(seed: int, number: int) -> None:
    first, other = draw(3, 2), draw(seed, number)
    assert not torch.equal(first.order, other.order)
    assert not torch.equal(first.offsets, other.offsets)


def test_flips_leave_order_and_crops_alone() -> None:
    plain, flipped = draw(0, 0, flip=False), draw(0, 0)
    assert plain.flips is None
    assert torch.equal(plain.order, flipped.order)
    assert torch.equal(plain.offsets, flipped.offsets)


@pytest.mark.parametrize("flip", [False, True])
def test_batch(flip: bool) -> None:
    images = random_images(20, 3, 8, 8)
    pixels = Pixels(images, torch.arange(20) % 4, ("a", "b", "c", "d"))
    epoch = draw(1, 0, flip=flip, samples=20)
    batch, labels = epoch.batch(pixels, 6, 11)
    expected = []
    for position in range(6, 11):
        index = int(epoch.order[position])
        cut = naive_crop(images[index].numpy(), *epoch.offsets[:, position].tolist(), PADDING)
        flipped = epoch.flips is not None and bool(epoch.flips[position])
        expected.append(cut[:, :, ::-1] if flipped else cut)
        assert int(labels[position - 6]) == index % 4
    np.testing.assert_array_equal(batch.numpy(), np.stack(expected))
