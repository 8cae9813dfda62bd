"""Image folders that can be learnt: an image is its class's pattern and noise."""

from pathlib import Path

import numpy as np

from tests.support.images import encoded, write_folder


def picture_folder(
    folder: Path,
    classes: int = 8,
    train: int = 6,
    test: int = 2,
    size: tuple[int, int] = (8, 8),
    seed: int = 0,
) -> Path:
    """Write train/class<k>/*.png and test/class<k>/*.png of RGB images; returns `folder`."""
    generator = np.random.default_rng(seed)
    files = {}
    for label in range(classes):
        pattern = generator.uniform(0, 255, (*size, 3))
        for part, images in (("train", train), ("test", test)):
            for number in range(images):
                noisy = pattern + generator.normal(0, 30, pattern.shape)
                picture = np.clip(noisy, 0, 255).astype(np.uint8)
                files[f"{part}/class{label}/{number}.png"] = encoded(picture)
    return write_folder(folder, files)
