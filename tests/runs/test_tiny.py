"""Files of a few bytes under every name: each reader reports in one line what it found."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from resdepth.cli.console import line
from resdepth.contents import OLD_TORCH
from resdepth.errors import ResdepthError
from resdepth.runs.checkpoint import read_checkpoint
from resdepth.runs.surface import read_surface
from resdepth.weights.file import read_file
from resdepth.weights.read import read_models


def written(save: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


ARRAY = written(lambda stream: np.save(stream, np.ones((3, 3))))
ARCHIVE = written(lambda stream: torch.save([torch.ones(2, 2)] * 3, stream))
CONTENTS = {
    "nothing": b"",
    "a zero": b"\0",
    "a text": b"a",
    "a pickle's first byte": b"\x80",
    "a pickle's version": b"\x80\x02",
    "a pickle of nothing": b"\x80\x02.",
    "a float that is cut": b"GGUF",
    "the old kind of torch": b"\x80\x02" + OLD_TORCH + b".",
    "a zip's name": b"PK",
    "a zip's first word": b"PK\x03\x04",
    "an empty zip": b"PK\x05\x06" + bytes(18),
    "numpy's name": b"\x93NUMPY",
    "numpy's version": b"\x93NUMPY\x01\x00",
    "a numpy header that is cut": ARRAY[:30],
    "no numpy header": b"\x93NUMPY\x01\x00\x01\x00{",
    "zeros": bytes(8),
    "an empty safetensors header": b"\x02" + bytes(7) + b"{}",
    "a safetensors header that is cut": b"\xff" * 8 + b"{",
    "a gzip file's name": b"\x1f\x8b",
    **{f"{size} bytes of torch's": ARCHIVE[:size] for size in (3, 10, 60, len(ARCHIVE) - 5)},
}
READERS: dict[str, Callable[[Path], object]] = {
    "surface": read_surface,
    "weights": read_models,
    "file": read_file,
    "checkpoint": read_checkpoint,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("suffix", ["npy", "npz", "safetensors", "pth", "bin", "ckpt", "json"])
def test_every_reader_refuses_them_in_one_line(tmp_path: Path, reader: str, suffix: str) -> None:
    for name, content in CONTENTS.items():
        path = tmp_path / f"x.{suffix}"
        path.write_bytes(content)
        try:
            READERS[reader](path)
        except ResdepthError as error:
            assert str(path) in line(error) and "\n" not in f"{error}{error.remedy}", name
        else:
            # A file without tensors may be whole.
            assert name.startswith("an empty"), name
