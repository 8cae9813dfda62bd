"""Which image is of which part and class, from the names of files alone.

The layout is train/<class>/… and test/<class>/…, both perhaps inside further folders; whatever
lies below a class folder is of that class. Nothing is left out without a word.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from resdepth.data.listing import Listing
from resdepth.errors import Corrupt

SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
PARTS = ("train", "test")
LAYOUT = "the layout is train/<class>/* and test/<class>/*"
ALIKE = ("train", "training", "test", "testing", "val", "valid", "validation", "eval")
"""What people call the parts; such folders are named when one is looked for."""


@dataclass(frozen=True)
class Layout:
    """Image names and class indices of each part, and notes on what was left out."""

    classes: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    labels: dict[str, tuple[int, ...]]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    """Images sorted by place: (name, class) of each part, those in none, those in no class."""

    members: dict[str, list[tuple[str, str]]]
    empty: list[str]
    outside: list[str]
    loose: list[str]


def arrange(listing: Listing) -> Layout:
    """The parts and classes of a listing.

    Raises
    ------
    Corrupt
        A part without images; two data sets in one; a single class; a class that only the test part
        has.
    """
    images = [name for name in listing.files if PurePosixPath(name).suffix.lower() in SUFFIXES]
    folders = {*listing.folders, *_above(images)}
    roots = _roots(listing, folders)
    found = _place(images, folders, roots)
    for part in PARTS:
        if not found.members[part]:
            raise _missing(listing, part, folders, found.loose)
    classes = {part: {label for _, label in found.members[part]} for part in PARTS}
    if len(classes["train"]) == 1:
        raise _one_class(listing, roots["train"], found.members["train"])
    unknown = sorted(classes["test"] - classes["train"])
    if unknown:
        reason = f"test/ has classes that train/ lacks: {_listed(unknown)}"
        remedy = "one name for a class in both parts; remove what cannot be learnt"
        raise Corrupt(listing.path, reason, remedy)
    ordered = tuple(sorted(classes["train"]))
    number = {label: index for index, label in enumerate(ordered)}
    return Layout(
        ordered,
        {part: tuple(name for name, _ in found.members[part]) for part in PARTS},
        {part: tuple(number[label] for _, label in found.members[part]) for part in PARTS},
        tuple(_notes(listing, set(images), found, classes)),
    )


def _above(names: Iterable[str]) -> set[str]:
    """Every folder above a name."""
    folders: set[str] = set()
    for name in names:
        folder = name.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _roots(listing: Listing, folders: set[str]) -> dict[str, str]:
    """The folder of each part: beside one another if that can be, as near the top as can be."""
    places = {part: {_parent(f) for f in folders if _last(f) == part} for part in PARTS}
    both = places["train"] & places["test"]
    if both:
        chosen = dict.fromkeys(PARTS, _nearest(listing, both))
    else:
        # A folder of that name inside a part is a class.
        apart = {
            part: {p for p in places[part] if not set(p.split("/")) & set(PARTS)} for part in PARTS
        }
        for part in PARTS:
            if not apart[part]:
                raise _missing(listing, part, folders, [])
        chosen = {part: _nearest(listing, apart[part]) for part in PARTS}
    return {part: f"{place}/{part}".lstrip("/") for part, place in chosen.items()}


def _nearest(listing: Listing, places: set[str]) -> str:
    depth = min(_depth(place) for place in places)
    nearest = sorted(place for place in places if _depth(place) == depth)
    if len(nearest) > 1:
        reason = f"holds more than one data set: {_listed([f'{p}/' for p in nearest])}"
        raise Corrupt(listing.path, reason, "give one of these folders")
    return nearest[0]


def _place(images: list[str], folders: set[str], roots: dict[str, str]) -> _Found:
    found = _Found({part: [] for part in PARTS}, [], [], [])
    full = set()
    for name in images:
        for part, root in roots.items():
            if name.startswith(f"{root}/"):
                folder, inside, _ = name[len(root) + 1 :].partition("/")
                if inside:
                    # One class, however its accents are composed.
                    label = folder if folder.isascii() else unicodedata.normalize("NFC", folder)
                    found.members[part].append((name, label))
                    full.add(f"{root}/{folder}")
                else:
                    found.loose.append(name)
                break
        else:
            found.outside.append(name)
    classes = {f for f in folders if _parent(f) in roots.values()}
    found.empty.extend(sorted(classes - full))
    return found


def _notes(
    listing: Listing, images: set[str], found: _Found, classes: dict[str, set[str]]
) -> Iterable[str]:
    other = [name for name in listing.files if name not in images]
    kinds = {
        "files that are no images": other,
        "hidden files or folders": listing.hidden,
        "images in neither train/ nor test/": found.outside,
        "images in no class folder": found.loose,
    }
    left_out = [
        f"{len(names)} {kind} (first: {names[0]})" for kind, names in kinds.items() if names
    ]
    if left_out:
        yield f"left out: {'; '.join(left_out)}"
    if found.empty:
        yield f"class folders without an image: {_listed(found.empty)}"
    lacking = sorted(classes["train"] - classes["test"])
    if lacking:
        yield f"test/ has no image of the classes {_listed(lacking)}"
    folded = Counter(label.casefold() for label in classes["train"])
    alike = sorted(label for label in classes["train"] if folded[label.casefold()] > 1)
    if alike:
        yield f"classes that differ in upper and lower case alone: {_listed(alike)}"
    yield from listing.notes


def _one_class(listing: Listing, root: str, members: list[tuple[str, str]]) -> Corrupt:
    """One class teaches nothing; perhaps the classes are one level below."""
    places = [name[len(root) + 1 :].split("/") for name, _ in members]
    below = sorted({place[1] for place in places if len(place) > 2})
    folder = places[0][0]
    remedy = f"{LAYOUT}, with two classes or more"
    if len(below) > 1:
        what = f"if the classes are {_listed(below)}, move these folders from {root}/{folder}/"
        remedy = f"{what} to {root}/, and likewise in test/"
    reason = f"{root}/ has one class alone, {folder!r}: there is nothing to learn"
    return Corrupt(listing.path, reason, remedy)


def _missing(listing: Listing, part: str, folders: set[str], loose: list[str]) -> Corrupt:
    reason = f"no images under {part}/<class>/"
    ordered = sorted(folders, key=lambda folder: (_depth(folder), folder))
    there = [f for f in ordered if _last(f).casefold() in ALIKE] or ordered
    there = [f"{f}/" for f in there if _depth(f) == _depth(there[0])] or list(listing.files)
    others = [name for name in listing.files if f"/{part}/" in f"/{name}"]
    if loose:
        reason += f", but {len(loose)} in no class folder (first: {loose[0]})"
    elif others:
        reason += f", but {len(others)} files of other kinds (first: {others[0]})"
    elif there:
        reason += f"; there is {_listed(there)}"
    return Corrupt(listing.path, reason, LAYOUT)


def _listed(names: list[str], most: int = 5) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + f" and {len(names) - most} more" * (len(names) > most)


def _parent(folder: str) -> str:
    return folder.rpartition("/")[0]


def _last(folder: str) -> str:
    return folder.rpartition("/")[2]


def _depth(folder: str) -> int:
    return folder.count("/") + bool(folder)
