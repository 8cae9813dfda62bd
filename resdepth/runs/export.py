"""Exported models: trained weights in a file of their own."""

import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resdepth.atomic import write_bytes
from resdepth.runs.sealed import sealed

FOLDER = "exported_models"
FORMATS = ("pth", "safetensors", "npz")


def write_model(folder: Path, blocks: Tensor, format: str = "pth") -> Path:
    """Write blocks (L, d, d) as `resnet_<L>.<format>` and return the path.

    `pth` is a Python list of L tensors (d, d) that `torch.load(weights_only=True)` reads;
    `safetensors` and `npz` hold one array `blocks` (L, d, d).
    """
    path = folder / f"resnet_{blocks.shape[0]}.{format}"
    if format == "pth":
        # Clones: a view would be saved with the storage of all layers.
        layers = [layer.clone() for layer in blocks.detach().cpu()]
        _write(path, partial(torch.save, layers))
    else:
        write_tensors(path, {"blocks": blocks})
    return path


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> Path:
    """Write tensors as .pth (a dictionary), .safetensors or .npz, by the suffix of `path`."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    if path.suffix == ".pth":
        _write(path, partial(torch.save, {name: tensor.clone() for name, tensor in plain.items()}))
    elif path.suffix == ".safetensors":
        write_bytes(path, sealed(plain, {"format": "pt"}))
    else:
        write_arrays(path, {name: tensor.numpy() for name, tensor in plain.items()})
    return path


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays as .npz."""
    _write(path, lambda stream: np.savez(stream, **arrays))


def _write(path: Path, save: Callable[[io.BytesIO], object]) -> None:
    # Through memory: with a full disk, torch hides the reason and numpy leaves an open archive.
    content = io.BytesIO()
    save(content)
    write_bytes(path, content.getbuffer())
