"""The convolutions of a run of `resnet-cifar` by stage: layers of one shape that follow another."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from resdepth.runs.manifest import read_manifest
from resdepth.weights.tensor import Stored

PROGRAM = "resnet-cifar"
PATTERN = "stage*.{k}.*.kernel"
"""The paths of such a run: first and second convolution of each stage."""
PIXELS = 32
"""Rows and columns of an image of CIFAR-10."""
STAGES = 3


def staged(tensors: Mapping[str, Stored]) -> dict[str, Stored]:
    """`blocks.<b>.…` again as `stage<s>.<k>.…`, s = 1, 2, 3 and k the block within the stage.

    Where a stage begins, the first convolution of a wider stage has another shape: it is
    `stage<s>.widening.…` and the path of first convolutions counts from k = 1.
    """
    blocks = {int(match[1]) for name in tensors if (match := _BLOCK.fullmatch(name))}
    length = len(blocks) // STAGES
    found = dict(tensors)
    for name, stored in tensors.items():
        match = _BLOCK.fullmatch(name)
        if match is not None and length:
            stage, k = divmod(int(match[1]), length)
            wider = stage > 0 and k == 0 and match[2].startswith("first.")
            rest = match[2].replace("first.", "widening.", 1) if wider else f"{k}.{match[2]}"
            new = f"stage{stage + 1}.{rest}"
            found[new] = replace(stored, name=new)
    return found


def is_staged(tensors: Mapping[str, Stored]) -> bool:
    """Whether these are the tensors of such a run, `staged`."""
    return any(name.startswith("stage1.0.") for name in tensors)


def input_size(family: str, run: Path, images: Sequence[int] = ()) -> tuple[int, ...]:
    """Rows and columns that the convolutions of a family see; none where nothing tells.

    `images` are those of the images, where the data are not CIFAR-10. A stage halves them, and its
    first convolution in each further block sees the halved ones. Of a family of no stage they are
    those of the layers.
    """
    match = re.match(r"stage([1-3])\.\{k\}", family)
    if match is None:
        return tuple(images)
    if not images and read_manifest(run).options.get("data") == "cifar10":
        images = (PIXELS,)
    return tuple(-(-length // 2 ** (int(match[1]) - 1)) for length in images)


_BLOCK = re.compile(r"blocks\.([0-9]+)\.(.+)")
