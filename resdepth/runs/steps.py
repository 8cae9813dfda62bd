"""The training step that the weights in a file are of, as far as the file and its name tell."""

import re
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError

from resdepth.runs.export import FOLDER as EXPORTED
from resdepth.runs.manifest import Manifest
from resdepth.runs.sealed import read_metadata

_NUMBERED = re.compile(r"(step|iter|iterations?|epoch|checkpoint|ckpt)(s?[-_=]?)(\d+)", re.I)


def step_of(path: Path, manifest: Manifest | None = None) -> int | None:
    """The step in the metadata of a checkpoint, or the last of the run if the run exported it."""
    if path.suffix == ".safetensors":
        with suppress(SafetensorError, OSError, ValueError, KeyError):
            return int(read_metadata(path)["step"])
    exported = path.absolute().parent.name == EXPORTED
    return manifest.steps if manifest is not None and exported else None


def step_in_name(path: Path) -> tuple[str, str]:
    """The path without the numbers of steps or epochs, and these: a/step_10.pt, epoch=3/b.ckpt.

    Files that differ in the numbers alone are checkpoints of one training.
    """
    words = path.absolute().as_posix()
    numbers = [match[3] for match in _NUMBERED.finditer(words)]
    return _NUMBERED.sub(r"\1\2", words), ", ".join(numbers)
