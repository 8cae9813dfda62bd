"""What is no whole checkpoint: one line that says what was seen, and nothing is run."""

import json
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from resdepth.cli.console import line
from resdepth.errors import Corrupt, ResdepthError, Unsafe
from resdepth.runs.sealed import sealed
from resdepth.weights.file import read_file
from tests.support.bundles import read_bundles
from tests.support.messages import refused

PLACE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def raw(header: str | bytes | dict[str, object], data: bytes = bytes(8)) -> bytes:
    text = json.dumps(header) if isinstance(header, dict) else header
    text = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(text)) + text + data


def entry(**changed: object) -> bytes:
    return raw({"w": PLACE | changed})


def flipped() -> bytes:
    content = bytearray(sealed({"w": torch.ones(5)}, {}))
    content[-1] ^= 1
    return bytes(content)


SAFETENSORS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "an empty file"),
    "short": (b"12345", "text that begins with '12345', not what safetensors writes"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    "page": (b"<!DOCTYPE html>", "an HTML page"),
    "truncated": (entry()[:-1], "its tensors take 8 bytes, of which 7 are there"),
    "cut header": (entry()[:20], "its header claims .* bytes, of a file of 20"),
    "absurd length": (struct.pack("<Q", 2**63) + b"{}", "its header claims 9223372036854775808"),
    "no JSON": (raw("{oops"), "its header is not valid JSON"),
    "no text": (raw(b"{\xff\xfe}"), "its header is not valid JSON"),
    "deep JSON": (raw('{"a":' * 100_000), "its header is not valid JSON"),
    "a key twice": (
        raw(f'{{"w":{json.dumps(PLACE)},"w":{json.dumps(PLACE)}}}'),
        "its header names 'w' twice",
    ),
    "no place": (raw({"w": {"dtype": "F32"}}), "says of 'w' no dtype, shape and place"),
    "a word": (raw({"w": "x"}), "says of 'w' no dtype, shape and place"),
    "dtype": (entry(dtype="F128"), "an unknown dtype 'F128'"),
    "a list of a dtype": (entry(dtype=["F32"]), "an unknown dtype"),
    "shape": (entry(shape=[-2]), "an invalid shape or place"),
    "true": (entry(shape=[True, 2]), "an invalid shape or place"),
    "huge shape": (entry(shape=[2**40, 2**40]), "8 bytes for .* numbers of F32"),
    "sizes": (entry(shape=[3]), "8 bytes for 3 numbers of F32"),
    "backwards": (entry(data_offsets=[8, 0]), "-8 bytes for 2 numbers"),
    "beyond": (entry(data_offsets=[8, 16]), "does not begin where the previous one ends"),
    "overlap": (
        raw({"v": PLACE, "w": PLACE}),
        "'w' does not begin where the previous one ends",
    ),
    "behind": (raw({"w": PLACE}, bytes(11)), "3 bytes follow its tensors"),
    "checksum": (flipped(), "wrong checksum"),
    "a pickle": (b"\x80\x04K\x01.", "a Python pickle, not what safetensors writes"),
}


@pytest.mark.parametrize("case", SAFETENSORS)
def test_safetensors(tmp_path: Path, case: str) -> None:
    content, message = SAFETENSORS[case]
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with refused(Corrupt, match=message) as caught:
        read_file(path)
    assert one_line(caught.value, path)


def one_line(error: ResdepthError, path: Path) -> bool:
    return str(path) in line(error) and "\n" not in line(error) and bool(error.remedy)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("was_run",)


def truncate(path: Path) -> None:
    torch.save({"w": torch.ones(500)}, path)
    path.write_bytes(path.read_bytes()[:900])


def flip(path: Path) -> None:
    torch.save({"w": torch.ones(500)}, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _script(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(torch.nn.Sequential(torch.nn.Linear(2, 2))).save(str(path))


def _zipped(path: Path, name: str = "a.txt") -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "x")


PICKLES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (truncate, "the beginning of a zip archive"),
    "flipped": (flip, "differs from its checksum"),
    "text": (lambda path: path.write_text("hello"), "text that begins with 'hello'"),
    "no tensors": (lambda path: torch.save({"epoch": 3}, path), "a dict without tensors"),
    "a number": (lambda path: torch.save(3, path), "a int without tensors"),
    "empty": (lambda path: path.write_bytes(b""), "an empty file"),
    "page": (lambda path: path.write_text("<!DOCTYPE html>\n<p>404"), "an HTML page"),
    "answer": (lambda path: path.write_text('{"error": 404}'), "text that begins with '{\"error"),
    "pointer": (
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid x\n"),
        "a Git LFS pointer instead of the file",
    ),
    "program": (_script, "a TorchScript program, not plain tensors"),
    "other zip": (_zipped, r"a zip archive of other files \(a.txt\)"),
    "numpy's": (lambda path: np.savez(path.open("wb"), a=np.ones(2)), "an archive of numpy arrays"),
    "other kind": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n00"), "an HDF5 file"),
    "safetensors": (
        lambda path: path.write_bytes(safetensors.torch.save({"blocks": torch.ones(1, 2, 2)})),
        r"a safetensors file \(blocks\), not what torch.save writes",
    ),
    "noise": (lambda path: path.write_bytes(b"\xfe\x01" * 9), "18 bytes of an unknown format"),
    "plain pickle": (lambda path: path.write_bytes(pickle.dumps([1, 2])), "a Python pickle, not"),
    "raw pickle": (lambda path: path.write_bytes(pickle.dumps(Evil())), "a Python pickle, not"),
    "two of a name": (
        lambda path: torch.save({"a": {"b": torch.ones(1)}, "a.b": torch.ones(1)}, path),
        "two of its tensors are called 'a.b'",
    ),
}


@pytest.mark.parametrize("case", PICKLES)
def test_pickles(tmp_path: Path, case: str) -> None:
    write, message = PICKLES[case]
    path = tmp_path / "x.pt"
    write(path)
    with refused(Corrupt, match=message) as caught:
        read_file(path)
    assert one_line(caught.value, path)


LIGHTNING = {"state_dict": {"w": torch.ones(2)}, "callbacks": Evil()}


@pytest.mark.parametrize("content", [LIGHTNING, Evil(), [Evil()], torch.nn.Linear(2, 2)])
@pytest.mark.parametrize("name", ["x.pth", "x.ckpt", "x.bin"])
def test_code_is_named_and_not_run(tmp_path: Path, monkeypatch, name: str, content: object) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(content, tmp_path / name)
    with refused(Unsafe, match=r"asks for (posix\.mkdir|nt\.mkdir|torch\.nn\S*), which is code"):
        read_file(tmp_path / name)
    assert not (tmp_path / "was_run").exists()


ARCHIVES: dict[str, tuple[Callable[[Path], object], str]] = {
    "objects": (lambda path: np.savez(path, w=np.array([Evil()], dtype=object)), "Python objects"),
    "truncated": (
        lambda path: np.savez(path, w=np.ones(500)) or os.truncate(path, 600),
        "the beginning of a zip archive",
    ),
    "text": (lambda path: path.write_text("hello"), "text that begins with 'hello'"),
    "torch's": (lambda path: torch.save({"w": torch.ones(3)}, path), "which is not an array"),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_archives(tmp_path: Path, case: str) -> None:
    write, message = ARCHIVES[case]
    path = tmp_path / "x.npz"
    write(path)
    with refused(Corrupt, match=message) as caught:
        read_file(path)
    assert one_line(caught.value, path)


INDEX = "model.safetensors.index.json"
FIRST = "model-00001-of-00002.safetensors"
SECOND = "model-00002-of-00002.safetensors"
INDICES: dict[str, tuple[str | dict[str, object], str]] = {
    "no JSON": ("{oops", "the index is not valid JSON"),
    "a key twice": ('{"weight_map": {"a": "x", "a": "y"}}', "the index names 'a' twice"),
    "no map": ({"metadata": {}}, "it has no 'weight_map'"),
    "an empty map": ({"weight_map": {}}, "it has no 'weight_map'"),
    "a list": ({"weight_map": ["a"]}, "it has no 'weight_map'"),
    "a number": ({"weight_map": {"h.0.w": 1}}, "it names no file for 'h.0.w'"),
    "above": ({"weight_map": {"h.0.w": "../x.safetensors"}}, "looks for 'h.0.w' outside its fold"),
    "absolute": ({"weight_map": {"h.0.w": "/etc/passwd"}}, "outside its folder, in /etc/passwd"),
    "windows": ({"weight_map": {"h.0.w": "..\\x"}}, "outside its folder"),
    "missing": (
        {"weight_map": {"h.0.w": FIRST, "h.1.w": "model-3.safetensors"}},
        r"model-3.safetensors: the shard is missing: .*index.json names it for 'h.1.w'",
    ),
    "wrong": (
        {"weight_map": {"h.0.w": FIRST, "h.1.w": FIRST}},
        f"it says that 'h.1.w' is in {FIRST}, which does not hold it",
    ),
}


def shards(folder: Path) -> None:
    for number, name in enumerate((FIRST, SECOND)):
        safetensors.torch.save_file({f"h.{number}.w": torch.ones(2, 2)}, folder / name)


@pytest.mark.parametrize("case", INDICES)
def test_indices(tmp_path: Path, case: str) -> None:
    content, message = INDICES[case]
    shards(tmp_path)
    text = json.dumps(content) if isinstance(content, dict) else content
    (tmp_path / INDEX).write_text(text)
    with refused(Corrupt, match=message) as caught:
        read_bundles([tmp_path])
    assert one_line(caught.value, tmp_path)


def test_a_shard_is_missing_without_an_index(tmp_path: Path) -> None:
    shards(tmp_path)
    (tmp_path / SECOND).unlink()
    with refused(Corrupt, match=f"{SECOND}: this shard of 2 is missing"):
        read_bundles([tmp_path / FIRST])


def test_a_name_in_two_shards(tmp_path: Path) -> None:
    shards(tmp_path)
    (tmp_path / SECOND).write_bytes((tmp_path / FIRST).read_bytes())
    with refused(Corrupt, match=f"{SECOND}: 'h.0.w' is in {FIRST} too"):
        read_bundles([tmp_path])
