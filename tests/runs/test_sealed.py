"""safetensors files with a checksum: equal content has equal bytes, and any change is found."""

import random
from pathlib import Path

import pytest
import safetensors.torch
import torch

from resdepth.errors import Corrupt
from resdepth.runs.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from resdepth.runs.sealed import ChecksumWrong, read_metadata, read_sealed, sealed

TENSORS = {
    "b": torch.arange(6, dtype=torch.float64).view(2, 3),
    "a": torch.tensor([1.5, -2.0], dtype=torch.float32),
    "empty": torch.zeros(0, 4),
}
METADATA = {"format": "x", "step": "3", "name": "Ω"}


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(sealed(TENSORS, METADATA))
    metadata, tensors = read_sealed(path)
    assert {k: v for k, v in metadata.items() if k != "sha256"} == METADATA
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert read_metadata(path) == metadata


def test_any_reader_opens_it(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(sealed(TENSORS, METADATA))
    assert torch.equal(safetensors.torch.load_file(path)["b"], TENSORS["b"])


def test_equal_content_is_equal_bytes() -> None:
    turned = dict(reversed(TENSORS.items())), dict(reversed(METADATA.items()))
    assert len({sealed(TENSORS, METADATA) for _ in range(5)} | {sealed(*turned)}) == 1


def test_files_without_a_checksum_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(safetensors.torch.save(TENSORS, METADATA))
    assert read_sealed(path)[0] == METADATA


@pytest.mark.parametrize("seed", range(4))
def test_every_changed_byte_is_found(tmp_path: Path, seed: int) -> None:
    path, random_bytes = tmp_path / "c.safetensors", random.Random(seed)
    tensors = {name: torch.rand(*shape) for name, shape in SHAPES.items()}
    write_checkpoint(path, Checkpoint(7, 0.5, tensors, {"seed": 3}))
    whole = path.read_bytes()
    for _ in range(100):
        place = random_bytes.randrange(len(whole))
        flipped = whole[place] ^ random_bytes.randrange(1, 256)
        path.write_bytes(whole[:place] + bytes([flipped]) + whole[place + 1 :])
        with pytest.raises(Corrupt):
            read_checkpoint(path)


SHAPES = {"blocks": (3, 2, 2), "readin": (2, 5), "readout": (4, 2)}


def test_a_flipped_bit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    whole = bytearray(sealed(TENSORS, METADATA))
    whole[-3] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ChecksumWrong, match="some of its bytes have changed"):
        read_sealed(path)


@pytest.mark.parametrize("note", ["", "x", "xyz", "x" * 100])
def test_the_data_begin_at_a_multiple_of_eight(note: str) -> None:
    content = sealed({"a": torch.arange(3.0)}, {"note": note})
    assert int.from_bytes(content[:8], "little") % 8 == 0


def test_a_file_without_metadata_has_none(tmp_path: Path) -> None:
    safetensors.torch.save_file({"a": torch.arange(3.0)}, tmp_path / "x.safetensors")
    assert read_metadata(tmp_path / "x.safetensors") == {}
    metadata, tensors = read_sealed(tmp_path / "x.safetensors")
    assert metadata == {} and tensors["a"].tolist() == [0.0, 1.0, 2.0]
