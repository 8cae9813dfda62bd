"""What a file that could not be read contains, judged by its bytes alone; nothing in it is run."""

import json
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError

UNREADABLE = (ValueError, EOFError, zipfile.BadZipFile, SyntaxError, TokenError, zlib.error)
"""What numpy raises if a file is damaged."""
HEAD, NAMES = 4096, 3  # Bytes that are read, and how many names in a file are shown at most.
CUT = "it was truncated: copy or download it again"
MAGIC = {
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"\x93NUMPY": "a numpy array (.npy)",
    b"GGUF": "a GGUF file",
    b"\x1f\x8b": "a gzip file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstandard file",
    b"7z\xbc\xaf": "a 7z archive",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\x7fELF": "a program",
}
OLD_TORCH = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"
"""The number at the start of files of torch.save before it wrote zip archives."""


@dataclass(frozen=True)
class Contents:
    """`what` a file contains, and a `remedy` if there is one."""

    what: str
    remedy: str = ""


def identify(path: Path) -> Contents:
    """Identify a file by its first bytes, and its table of contents if it has one."""
    if path.is_dir():
        return Contents("a folder")
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    size = path.stat().st_size
    if not head:
        return Contents("an empty file", "copy or download it again")
    if head.startswith(b"version https://git-lfs"):
        return Contents("a Git LFS pointer instead of the file", "'git lfs pull' fetches the file")
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return Contents("an HTML page, probably from a failed download", "download the file again")
    if head.startswith(b"PK"):
        return _zip(path)
    if head[8:9] == b"{":
        return _safetensors(path, size)
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":
        old = OLD_TORCH in head
        return Contents("a PyTorch file of the old format" if old else "a Python pickle")
    kind = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), "")
    return Contents(kind or _text(head) or f"{size} bytes of an unknown format")


def listed(names: list[str]) -> str:
    return ", ".join(names[:NAMES]) + (", …" if len(names) > NAMES else "")


def _zip(path: Path) -> Contents:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            damaged = archive.testzip()
    except zipfile.BadZipFile:
        return Contents("the beginning of a zip archive without the list of files at its end", CUT)
    except (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        return Contents(f"a zip archive that cannot be unpacked ({error})")
    parts = {name.partition("/")[2] or name for name in names}
    if damaged is not None:
        remedy = "it was damaged: copy or download it again"
        return Contents(f"a zip archive whose part {damaged} differs from its checksum", remedy)
    if "constants.pkl" in parts:
        remedy = "save its state_dict with torch.save on a machine where you trust the file"
        return Contents("a TorchScript program, not plain tensors", remedy)
    if "data.pkl" in parts:
        return Contents("a PyTorch archive")
    if names and all(name.endswith(".npy") for name in names):
        return Contents(f"an archive of numpy arrays ({listed(names)})")
    return Contents(f"a zip archive of other files ({listed(names) or 'none'})")


def _safetensors(path: Path, size: int) -> Contents:
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if 8 + length > size:
            return Contents(f"{size} bytes, less than the header of this safetensors file", CUT)
        try:
            entries = json.loads(stream.read(length))
            names = [name for name in entries if name != "__metadata__"]
            ends = [int(entries[name]["data_offsets"][1]) for name in names]
            whole = 8 + length + max(ends, default=0)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
            return Contents("a file that begins like safetensors, with an invalid header")
    if size < whole:
        return Contents(f"the first {size} of the {whole} bytes of a safetensors file", CUT)
    if size > whole:
        return Contents(f"a safetensors file with {size - whole} bytes after its tensors")
    return Contents(f"a safetensors file ({listed(names) or 'no tensors'})")


def _text(head: bytes) -> str:
    try:
        # The last character may be cut.
        text = (head if len(head) < HEAD else head[:-4]).decode()
    except UnicodeDecodeError:
        return ""
    line = text.strip().partition("\n")[0][:40].strip()
    printable = all(character.isprintable() or character in "\t\r\n" for character in text)
    return f"text that begins with '{line}'" if printable else ""
