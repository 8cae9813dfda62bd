"""Exported models: the trained blocks alone, in a file of their own."""

import io
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from resdepth.runs.atomic import write_whole

FOLDER = "exported_models"
FORMATS = ("pth", "safetensors", "npz")


def model_name(depth: int, format: str = "pth") -> str:
    """File name of an exported model of `depth` layers."""
    return f"resnet_{depth}.{format}"


def write_model(folder: Path, blocks: Tensor, format: str = "pth") -> Path:
    """Write blocks (L, d, d) as `resnet_<L>.<format>` and return the path.

    `pth` is a Python list of L tensors (d, d) that `torch.load(weights_only=True)` reads;
    `safetensors` and `npz` hold one array `blocks` (L, d, d).
    """
    path = folder / model_name(blocks.shape[0], format)
    blocks = blocks.detach().cpu().contiguous()
    if format == "pth":
        # Clones, since a view would carry the storage of the whole stack along.
        layers = [layer.clone() for layer in blocks]
        # Through memory: torch turns a full disk into an error of its own that names no reason.
        content = io.BytesIO()
        torch.save(layers, content)
        write_whole(path, lambda stream: stream.write(content.getbuffer()))
    elif format == "safetensors":
        whole = safetensors.torch.save({"blocks": blocks}, {"format": "pt"})
        write_whole(path, lambda stream: stream.write(whole))
    else:
        write_whole(path, lambda stream: np.savez(stream, blocks=blocks.numpy()))
    return path
