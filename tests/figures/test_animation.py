"""The animation of a path has one frame per checkpoint."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from resdepth.errors import Impossible
from resdepth.figures import trajectory
from resdepth.figures.surface_values import saturate
from resdepth.figures.trajectory import save_animation
from tests.support.messages import refused


def save(surface, path: Path) -> Path:
    save_animation(saturate(surface, None, False), path, 1)
    return path


def test_a_gif_has_a_frame_for_each_checkpoint(descent, tmp_path: Path) -> None:
    with Image.open(save(descent, tmp_path / "x.gif")) as film:
        frames = []
        for number in range(film.n_frames):
            film.seek(number)
            frames.append((film.info["duration"], np.asarray(film.convert("RGB"))))
    assert len(frames) == 12
    assert [duration for duration, _ in frames] == [60] * 11 + [1000]
    changed = [(a != b).any() for (_, a), (_, b) in pairwise(frames)]
    assert all(changed)


def test_of_many_checkpoints_some_are_shown(descent, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(trajectory, "FRAMES", 5)
    with Image.open(save(descent, tmp_path / "x.gif")) as film:
        assert film.n_frames == 5


def test_a_surface_without_a_path_is_refused(bowl, tmp_path: Path) -> None:
    with refused(Impossible, match="it has no path"):
        save(replace(bowl), tmp_path / "x.gif")
