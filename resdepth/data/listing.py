"""List the files of a folder or .zip, and read them one by one."""

import errno
import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from resdepth.contents import identify
from resdepth.errors import Corrupt, no_such, unreadable
from resdepth.find_files import walk


@dataclass(frozen=True)
class Listing:
    """Names of the files and of all folders below `path`, with "/" between their parts.

    `hidden` are names that file managers and archivers leave (.DS_Store, ._1.jpg, __MACOSX),
    `notes` are remarks for the user; `stamp` changes with the content.
    """

    path: Path
    files: tuple[str, ...]
    folders: tuple[str, ...]
    hidden: tuple[str, ...]
    read: Callable[[str], bytes]
    stamp: str
    notes: tuple[str, ...] = ()


def list_files(path: Path) -> Listing:
    """List the folder or .zip `path`; Missing, System, or Corrupt if it is not a whole archive."""
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise no_such(path, "image folder or .zip")
    try:
        return _archive(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        # A damaged directory may name a position before the beginning of the file.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise unreadable(path, error) from None
        found = identify(path)
        what = f"not a whole .zip archive: it is {found.what}"
        if found.what.startswith("a zip archive of"):
            what = f"a .zip archive that cannot be read ({error})"
        raise Corrupt(path, what, found.remedy or "give a folder or a .zip of images") from None


def _folder(path: Path) -> Listing:
    start = len(path.as_posix().rstrip("/")) + 1 if path != Path() else 0
    files: list[tuple[str, int, int]] = []
    folders: list[str] = []
    hidden: list[str] = []

    def enter(folder: Path) -> bool:
        (hidden if _is_hidden(folder.name) else folders).append(folder.as_posix()[start:])
        return not _is_hidden(folder.name)

    for file in walk(path, enter):
        name = file.as_posix()[start:]
        if _is_hidden(file.name):
            hidden.append(name)
        else:
            about = file.stat()
            files.append((name, about.st_size, about.st_mtime_ns))
    names, stamp = tuple(name for name, *_ in files), f"{path.resolve()} {files}"

    def read(name: str) -> bytes:
        return (path / name).read_bytes()

    return Listing(path, names, tuple(folders), tuple(hidden), read, stamp)


def _archive(path: Path) -> Listing:
    archive = zipfile.ZipFile(path)
    entries: dict[str, zipfile.ZipInfo] = {}
    folders: set[str] = set()
    hidden: set[str] = set()
    twice: list[str] = []
    for entry in archive.infolist():
        # Some programs for Windows write its separator, against the standard.
        whole = entry.filename.replace("\\", "/")
        parts = [part for part in whole.split("/") if part not in ("", ".")]
        first_hidden = next((i for i, part in enumerate(parts) if _is_hidden(part)), None)
        if first_hidden is not None:
            hidden.add("/".join(parts[: first_hidden + 1]))
            continue
        name = folder = "/".join(parts)
        if not whole.endswith("/"):
            twice += [name] * (name in entries)
            entries[name] = entry
            folder = name.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    # A file was replaced by adding it again.
    again = "files listed twice, the last one is used"
    notes = [f"{again}: {len(twice)} (first: {twice[0]})"] if twice else []
    with path.open("rb") as stream:
        stamp = hashlib.file_digest(stream, "sha256").hexdigest()
    files, others, left_out = (tuple(sorted(names)) for names in (entries, folders, hidden))

    def read(name: str) -> bytes:
        return archive.read(entries[name])

    return Listing(path, files, others, left_out, read, stamp, tuple(notes))


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))
