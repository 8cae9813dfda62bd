"""A path that grows: a frame for every checkpoint, a film that plays, words where none can be."""

import json
import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resdepth.errors import Impossible, System
from resdepth.figures import animation
from resdepth.figures.animation import save_animation
from resdepth.figures.landscape import saturate
from tests.support.messages import refused


def save(surface, path: Path) -> Path:
    save_animation(surface, saturate(surface, None, False), False, path, 1)
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
    assert all(side % 2 == 0 for side in frames[0][1].shape[:2])


def test_of_many_checkpoints_some_are_shown(descent, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(animation, "FRAMES", 5)
    with Image.open(save(descent, tmp_path / "x.gif")) as film:
        assert film.n_frames == 5


def test_an_mp4_plays(descent, tmp_path: Path) -> None:
    if not shutil.which("ffmpeg") or not shutil.which("ffprobe"):
        pytest.skip("ffmpeg is not installed")
    path = save(descent, tmp_path / "x.mp4")
    asked = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", path]
    said = json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)
    (stream,) = said["streams"]
    assert stream["codec_type"] == "video" and stream["r_frame_rate"] == "15/1"
    assert int(stream["nb_read_frames"]) == 12 + animation.HOLD
    assert path.read_bytes() == save(descent, tmp_path / "y.mp4").read_bytes()


def test_without_ffmpeg_it_says_so(descent, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with refused(System, match="ffmpeg is needed"):
        save(descent, tmp_path / "x.mp4")
    assert not (tmp_path / "x.mp4").exists()


def test_a_failing_ffmpeg_is_quoted(descent, tmp_path: Path, monkeypatch) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\ncat > /dev/null\necho no such encoder >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with refused(System, match="failed: no such encoder"):
        save(descent, tmp_path / "x.mp4")


def test_a_surface_without_a_path_is_refused(bowl, tmp_path: Path) -> None:
    with refused(Impossible, match="it has no path"):
        save(replace(bowl), tmp_path / "x.gif")
