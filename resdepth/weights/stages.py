"""The convolutions of a run of `resnet-cifar` by stage, in which all layers have one shape."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from resdepth.runs.manifest import read_manifest
from resdepth.weights.tensor import Stored

PROGRAM = "resnet-cifar"
PATTERN = "stage*.{k}.*.kernel"
"""The paths of such a run: first and second convolution of each stage."""
PIXELS, STAGES = 32, 3  # Rows and columns of an image of CIFAR-10, and stages of the network.
_BLOCK = re.compile(r"blocks\.([0-9]+)\.(.+)")


def staged(tensors: Mapping[str, Stored]) -> dict[str, Stored]:
    """Add `blocks.<b>.…` again as `stage<s>.<k>.…`: s = 1, 2, 3, k the block within the stage.

    The first convolution of stages 2 and 3 widens and has another shape: it is called
    `stage<s>.widening.…`, so that the path of first convolutions counts from k = 1.
    """
    matches = [match for name in tensors if (match := _BLOCK.fullmatch(name))]
    length = len({int(match[1]) for match in matches}) // STAGES
    found = dict(tensors)
    for match in matches if length else ():
        stage, k = divmod(int(match[1]), length)
        wider = stage > 0 and k == 0 and match[2].startswith("first.")
        rest = match[2].replace("first.", "widening.", 1) if wider else f"{k}.{match[2]}"
        new = f"stage{stage + 1}.{rest}"
        found[new] = replace(tensors[match[0]], name=new)
    return found


def input_size(family: str, run: Path, images: Sequence[int] = ()) -> tuple[int, ...]:
    """Rows and columns of the input of a family's convolutions; () if unknown.

    `images` is the size of the images, by default CIFAR-10's, which each stage halves; for a family
    of no stage the size of the layers' input itself.
    """
    match = re.match(r"stage([1-3])\.\{k\}", family)
    if match is None:
        return tuple(images)
    if not images and read_manifest(run).options.get("data") == "cifar10":
        images = (PIXELS,)
    return tuple(-(-length // 2 ** (int(match[1]) - 1)) for length in images)
