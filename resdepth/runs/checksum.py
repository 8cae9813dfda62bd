"""Checksums: of a record in JSON, which carries its own, and of whole files."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEY = "sha256"
"""Where a record holds its own checksum."""


def canonical(content: Mapping[str, Any]) -> bytes:
    """One spelling of a record, whatever its order and its spaces were."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def checksum(record: Mapping[str, Any]) -> str:
    """SHA-256 of what a record says, its own checksum left out."""
    said = {name: value for name, value in record.items() if name != KEY}
    return hashlib.sha256(canonical(said)).hexdigest()


def file_checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
