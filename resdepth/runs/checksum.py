"""Checksums of JSON records, which carry their own, of whole files, and inside zip archives."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEY = "sha256"
"""Key of a record's own checksum."""


def canonical(content: Mapping[str, Any]) -> bytes:
    """One spelling of a record, independent of the order of its keys."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def checksum(record: Mapping[str, Any]) -> str:
    """SHA-256 of a record without its own checksum."""
    return hashlib.sha256(canonical({k: v for k, v in record.items() if k != KEY})).hexdigest()


def file_checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_zip(path: Path) -> None:
    """Raise BadZipFile if a part of a .pth or .npz is damaged: not all readers check."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"the part '{damaged}' does not match its checksum")
