"""List a folder or .zip, and find part and class of each image from the names of files alone.

The layout is train/<class>/… and test/<class>/…, both perhaps inside further folders; whatever
lies below a class folder is of that class. Everything that is left out is reported.
"""

import errno
import hashlib
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from resdepth.contents import identify
from resdepth.errors import Corrupt, no_such, unreadable
from resdepth.find_files import walk

SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
PARTS = ("train", "test")
LAYOUT = "the layout is train/<class>/* and test/<class>/*"
ALIKE = ("train", "training", "test", "testing", "val", "valid", "validation", "eval")
"""Common names of the parts; errors list such folders if a part is missing."""
Members = dict[str, list[tuple[str, str]]]  # Name and class of the images of each part.


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


@dataclass(frozen=True)
class ImageLayout:
    """Image names and class indices of each part, and notes on what was left out."""

    classes: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    labels: dict[str, tuple[int, ...]]
    notes: tuple[str, ...]


def arrange(listing: Listing) -> ImageLayout:
    """The parts and classes of a listing; Corrupt if they are not those of one data set."""
    roots = _roots(listing)
    members: Members = {part: [] for part in PARTS}
    others, outside, loose = list[str](), list[str](), list[str]()
    for name in listing.files:
        part = next((part for part in PARTS if name.startswith(f"{roots[part]}/")), "")
        folder, inside, _ = name[len(roots.get(part, "")) + 1 :].partition("/")
        if PurePosixPath(name).suffix.lower() not in SUFFIXES:
            others.append(name)
        elif not part:
            outside.append(name)
        elif not inside:
            loose.append(name)
        else:
            # The same class, however its accents are composed.
            label = folder if folder.isascii() else unicodedata.normalize("NFC", folder)
            members[part].append((name, label))
    for part in PARTS:
        if not members[part]:
            raise _missing(listing, part, loose)
    classes, tested = ({label for _, label in members[part]} for part in PARTS)
    if len(classes) == 1:
        raise _one_class(listing, roots["train"], members["train"])
    if unknown := sorted(tested - classes):
        what = f"test/ has classes that train/ lacks: {_listed(unknown)}"
        remedy = "use the same class names in both parts; remove what cannot be learnt"
        raise Corrupt(listing.path, what, remedy)
    kinds = {
        "files that are not images": others,
        "hidden files or folders": listing.hidden,
        "images in neither train/ nor test/": outside,
        "images outside class folders": loose,
    }
    left_out = [f"{len(n)} {kind} (first: {n[0]})" for kind, n in kinds.items() if n]
    notes = [f"left out: {'; '.join(left_out)}"] if left_out else []
    ordered = tuple(sorted(classes))
    number = {label: index for index, label in enumerate(ordered)}
    return ImageLayout(
        ordered,
        {part: tuple(name for name, _ in members[part]) for part in PARTS},
        {part: tuple(number[label] for _, label in members[part]) for part in PARTS},
        (*notes, *_notes(listing, roots, members)),
    )


def _roots(listing: Listing) -> dict[str, str]:
    """The folder of each part: next to each other if possible, as near the top as possible."""
    folders = [PurePosixPath(folder) for folder in listing.folders]
    places = {part: {f.parent for f in folders if f.name == part} for part in PARTS}
    both = places["train"] & places["test"]
    chosen = {}
    for part in PARTS:
        # A folder of that name inside a part is a class.
        found = both or {place for place in places[part] if not set(place.parts) & set(PARTS)}
        if not found:
            raise _missing(listing, part, [])
        depth = min(len(place.parts) for place in found)
        nearest = sorted((place for place in found if len(place.parts) == depth), key=str)
        if len(nearest) > 1:
            what = f"holds more than one data set: {_listed([f'{p}/' for p in nearest])}"
            raise Corrupt(listing.path, what, "give one of these folders")
        chosen[part] = str(nearest[0] / part)
    return chosen


def _notes(listing: Listing, roots: dict[str, str], members: Members) -> Iterator[str]:
    empty = {f for f in listing.folders if f.rpartition("/")[0] in roots.values()}
    for part, root in roots.items():
        level = root.count("/") + 2
        empty -= {"/".join(name.split("/", level)[:level]) for name, _ in members[part]}
    if empty:
        yield f"class folders without an image: {_listed(sorted(empty))}"
    train, test = ({label for _, label in members[part]} for part in PARTS)
    if lacking := sorted(train - test):
        yield f"test/ has no image of the classes {_listed(lacking)}"
    folded = Counter(label.casefold() for label in train)
    if alike := sorted(label for label in train if folded[label.casefold()] > 1):
        yield f"classes whose names differ only in upper and lower case: {_listed(alike)}"
    yield from listing.notes


def _one_class(listing: Listing, root: str, members: list[tuple[str, str]]) -> Corrupt:
    """The error for a single class; perhaps the classes are one level below."""
    places = [name[len(root) + 1 :].split("/") for name, _ in members]
    below = sorted({place[1] for place in places if len(place) > 2})
    folder = places[0][0]
    what = f"{root}/ has only one class, {folder!r}: there is nothing to learn"
    remedy = f"{LAYOUT}, with two classes or more"
    if len(below) > 1:
        remedy = f"if the classes are {_listed(below)}, move these folders from {root}/{folder}/"
        remedy += f" to {root}/, and likewise in test/"
    return Corrupt(listing.path, what, remedy)


def _missing(listing: Listing, part: str, loose: list[str]) -> Corrupt:
    what = f"no images under {part}/<class>/"
    ordered = sorted(listing.folders, key=lambda folder: (folder.count("/"), folder))
    there = [f for f in ordered if f.rpartition("/")[2].casefold() in ALIKE] or ordered
    level = there[0].count("/") if there else 0
    there = [f"{f}/" for f in there if f.count("/") == level] or list(listing.files)
    others = [name for name in listing.files if f"/{part}/" in f"/{name}"]
    if loose:
        what += f", but {len(loose)} in no class folder (first: {loose[0]})"
    elif others:
        what += f", but {len(others)} files of other kinds (first: {others[0]})"
    elif there:
        what += f"; there is {_listed(there)}"
    return Corrupt(listing.path, what, LAYOUT)


def _listed(names: Collection[str], most: int = 5) -> str:
    shown = ", ".join(repr(name) for name in list(names)[:most])
    return shown + f" and {len(names) - most} more" * (len(names) > most)


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
    names, others, left_out = tuple(name for name, *_ in files), tuple(folders), tuple(hidden)
    stamp = f"{path.resolve()} {files}"
    return Listing(path, names, others, left_out, lambda name: (path / name).read_bytes(), stamp)


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
    notes = (f"{again}: {len(twice)} (first: {twice[0]})",) if twice else ()
    with path.open("rb") as stream:
        stamp = hashlib.file_digest(stream, "sha256").hexdigest()
    names, others, left_out = (tuple(sorted(kind)) for kind in (entries, folders, hidden))
    return Listing(
        path, names, others, left_out, lambda name: archive.read(entries[name]), stamp, notes
    )


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))
