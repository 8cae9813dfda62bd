"""The checkpoints in files and folders, before their families are found."""

from collections.abc import Sequence
from pathlib import Path

from resdepth.weights.bundle import Bundle, bundles_of
from resdepth.weights.file import read_file
from resdepth.weights.find import find_places


def read_bundles(sources: Sequence[Path], extension: str | None = None) -> list[Bundle]:
    """What `read_paths` looks for families in."""
    return bundles_of(find_places(sources, extension), read_file)
