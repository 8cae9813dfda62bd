"""Exported models: the trained blocks alone, in a file of their own."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resdepth.atomic import write_whole
from resdepth.runs.sealed import sealed

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
    if format == "pth":
        # Clones, since a view would carry the storage of the whole stack along.
        _write_pth(path, [layer.clone() for layer in blocks.detach().cpu()])
    else:
        write_tensors(path, {"blocks": blocks})
    return path


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> Path:
    """Write named tensors as .pth (a dictionary), .safetensors or .npz, by the suffix of `path`."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    if path.suffix == ".pth":
        _write_pth(path, {name: tensor.clone() for name, tensor in plain.items()})
    elif path.suffix == ".safetensors":
        whole = sealed(plain, {"format": "pt"})
        write_whole(path, lambda stream: stream.write(whole))
    else:
        write_arrays(path, {name: tensor.numpy() for name, tensor in plain.items()})
    return path


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write named arrays as .npz."""
    # Through memory: with a full disk, earlier releases of numpy leave an open archive behind.
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_whole(path, lambda stream: stream.write(content.getbuffer()))


def _write_pth(path: Path, value: object) -> None:
    # Through memory: torch turns a full disk into an error of its own that names no reason.
    content = io.BytesIO()
    torch.save(value, content)
    write_whole(path, lambda stream: stream.write(content.getbuffer()))
