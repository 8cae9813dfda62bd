"""The checksum that a record in JSON carries of all else in it."""

import hashlib
import json
from collections.abc import Mapping
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
