"""Image folders drawn at random: a class is a direction of brightness, with noise."""

from pathlib import Path

import numpy as np
from PIL import Image


def image_folder(
    root: Path,
    classes: int = 8,
    train: int = 6,
    test: int = 2,
    size: tuple[int, int] = (8, 8),
    seed: int = 0,
) -> Path:
    """Write train/<class>/*.png and test/<class>/*.png of RGB images; returns `root`."""
    generator = np.random.default_rng(seed)
    patterns = generator.uniform(0, 255, (classes, *size, 3))
    for part, images in (("train", train), ("test", test)):
        for label, pattern in enumerate(patterns):
            folder = root / part / f"class{label}"
            folder.mkdir(parents=True)
            for number in range(images):
                noise = generator.normal(0, 30, pattern.shape)
                pixels = np.clip(pattern + noise, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return root
