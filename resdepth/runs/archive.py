"""Zip archives (.pth, .npz) whose checksums are looked at: their readers do not always."""

import zipfile
from pathlib import Path


def check_zip(path: Path) -> None:
    """Raise zipfile.BadZipFile where a part of a zip archive is not what its checksum says."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"the checksum of its part '{damaged}' does not agree")
