"""The files of a folder or .zip, and how to read one."""

import errno
import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from resdepth.contents import seen
from resdepth.errors import Corrupt, no_such, unreadable
from resdepth.find_files import walk


@dataclass(frozen=True)
class Listing:
    """Names of files and folders below `path`, "/" between their parts.

    `hidden` are names that finders and archivers leave beside the data (.DS_Store, ._1.jpg,
    __MACOSX), `notes` what else is to be said; `stamp` changes when the content does.
    """

    path: Path
    files: tuple[str, ...]
    folders: tuple[str, ...]
    hidden: tuple[str, ...]
    read: Callable[[str], bytes]
    stamp: str
    notes: tuple[str, ...] = ()


def list_files(path: Path) -> Listing:
    """What lies in the folder or .zip `path`.

    Raises
    ------
    Missing, System, Corrupt
        Nothing there; the system does not let it be read; it is no whole archive.
    """
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise no_such(path, "image folder or .zip")
    try:
        return _archive(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        # A damaged list of files may ask for a place before the beginning.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise unreadable(path, error) from None
        found = seen(path)
        remedy = found.remedy or "give a folder or a .zip of images"
        raise Corrupt(path, _not_read(found.what, error), remedy) from None


def _not_read(what: str, error: Exception) -> str:
    if what.startswith("a zip archive of"):
        return f"a .zip archive that cannot be read ({error})"
    return f"not a whole .zip archive: it is {what}"


def _folder(path: Path) -> Listing:
    start = len(path.as_posix().rstrip("/")) + 1 if path != Path() else 0
    folders: list[str] = []
    hidden: list[str] = []

    def enter(folder: Path) -> bool:
        name = folder.as_posix()[start:]
        (hidden if _is_hidden(folder.name) else folders).append(name)
        return not _is_hidden(folder.name)

    files: list[str] = []
    facts = []
    for file in walk(path, enter):
        name = file.as_posix()[start:]
        if _is_hidden(file.name):
            hidden.append(name)
            continue
        about = file.stat()
        files.append(name)
        facts.append((name, about.st_size, about.st_mtime_ns))
    return Listing(
        path,
        tuple(files),
        tuple(folders),
        tuple(hidden),
        lambda name: (path / name).read_bytes(),
        f"{path.resolve()} {facts}",
    )


def _archive(path: Path) -> Listing:
    archive = zipfile.ZipFile(path)
    entries: dict[str, zipfile.ZipInfo] = {}
    folders: set[str] = set()
    hidden: set[str] = set()
    again: list[str] = []
    for entry in archive.infolist():
        # Some programs for Windows write the separator of Windows, against the format.
        whole = entry.filename.replace("\\", "/")
        parts = [part for part in whole.split("/") if part not in ("", ".")]
        unseen = next((i for i, part in enumerate(parts) if _is_hidden(part)), None)
        if unseen is not None:
            hidden.add("/".join(parts[: unseen + 1]))
            continue
        name = "/".join(parts)
        if whole.endswith("/"):
            folders.add(name)
        else:
            again += [name] * (name in entries)
            entries[name] = entry
    # What is listed twice was replaced in the archive: the last one counts.
    notes = (f"files listed twice, of which the last counts: {_some(again)}",) if again else ()
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Listing(
        path,
        tuple(sorted(entries)),
        tuple(sorted(folders)),
        tuple(sorted(hidden)),
        lambda name: archive.read(entries[name]),
        digest,
        notes,
    )


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))


def _some(names: list[str]) -> str:
    return f"{len(names)} (first: {names[0]})"
