"""Find the part and the class of each image from the names of the files alone.

The layout is train/<class>/… and test/<class>/…, both perhaps inside further folders; whatever
lies below a class folder is of that class. Everything that is left out is reported.
"""

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
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
"""Common names of the parts; errors list such folders if a part is missing."""


@dataclass(frozen=True)
class ImageLayout:
    """Image names and class indices of each part, and notes on what was left out."""

    classes: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    labels: dict[str, tuple[int, ...]]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    """(name, class) of the images of each part, and the images in no part or in no class."""

    members: dict[str, list[tuple[str, str]]]
    outside: list[str]
    loose: list[str]

    def classes(self, part: str) -> set[str]:
        return {label for _, label in self.members[part]}


def arrange(listing: Listing) -> ImageLayout:
    """The parts and classes of a listing.

    Raises Corrupt for a part without images, two data sets in one, a single class, or a class that
    only the test part has.
    """
    images = [name for name in listing.files if PurePosixPath(name).suffix.lower() in SUFFIXES]
    roots = _roots(listing)
    found = _assign(images, roots)
    for part in PARTS:
        if not found.members[part]:
            raise _missing(listing, part, found.loose)
    classes = found.classes("train")
    if len(classes) == 1:
        raise _one_class(listing, roots["train"], found.members["train"])
    unknown = sorted(found.classes("test") - classes)
    if unknown:
        what = f"test/ has classes that train/ lacks: {_listed(unknown)}"
        remedy = "use the same class names in both parts; remove what cannot be learnt"
        raise Corrupt(listing.path, what, remedy)
    ordered = tuple(sorted(classes))
    number = {label: index for index, label in enumerate(ordered)}
    return ImageLayout(
        ordered,
        {part: tuple(name for name, _ in found.members[part]) for part in PARTS},
        {part: tuple(number[label] for _, label in found.members[part]) for part in PARTS},
        tuple(_notes(listing, roots, set(images), found)),
    )


def _roots(listing: Listing) -> dict[str, str]:
    """The folder of each part: next to each other if possible, as near the top as possible."""
    places = {part: {_parent(f) for f in listing.folders if _last(f) == part} for part in PARTS}
    both = places["train"] & places["test"]
    chosen = {}
    for part in PARTS:
        # A folder of that name inside a part is a class.
        found = both or {p for p in places[part] if not set(p.split("/")) & set(PARTS)}
        if not found:
            raise _missing(listing, part, [])
        depth = min(map(_depth, found))
        nearest = sorted(place for place in found if _depth(place) == depth)
        if len(nearest) > 1:
            what = f"holds more than one data set: {_listed([f'{p}/' for p in nearest])}"
            raise Corrupt(listing.path, what, "give one of these folders")
        chosen[part] = f"{nearest[0]}/{part}".lstrip("/")
    return chosen


def _assign(images: list[str], roots: dict[str, str]) -> _Found:
    found = _Found({part: [] for part in PARTS}, [], [])
    for name in images:
        part = next((part for part in PARTS if name.startswith(f"{roots[part]}/")), None)
        if part is None:
            found.outside.append(name)
            continue
        folder, inside, _ = name[len(roots[part]) + 1 :].partition("/")
        if inside:
            # The same class, however its accents are composed.
            label = folder if folder.isascii() else unicodedata.normalize("NFC", folder)
            found.members[part].append((name, label))
        else:
            found.loose.append(name)
    return found


def _notes(
    listing: Listing, roots: dict[str, str], images: set[str], found: _Found
) -> Iterator[str]:
    kinds = {
        "files that are not images": [name for name in listing.files if name not in images],
        "hidden files or folders": listing.hidden,
        "images in neither train/ nor test/": found.outside,
        "images outside class folders": found.loose,
    }
    left_out = [
        f"{len(names)} {kind} (first: {names[0]})" for kind, names in kinds.items() if names
    ]
    if left_out:
        yield f"left out: {'; '.join(left_out)}"
    empty = {f for f in listing.folders if _parent(f) in roots.values()}
    for part, members in found.members.items():
        level = roots[part].count("/") + 2
        empty -= {"/".join(name.split("/", level)[:level]) for name, _ in members}
    if empty:
        yield f"class folders without an image: {_listed(sorted(empty))}"
    classes = found.classes("train")
    lacking = sorted(classes - found.classes("test"))
    if lacking:
        yield f"test/ has no image of the classes {_listed(lacking)}"
    folded = Counter(label.casefold() for label in classes)
    alike = sorted(label for label in classes if folded[label.casefold()] > 1)
    if alike:
        yield f"classes whose names differ only in upper and lower case: {_listed(alike)}"
    yield from listing.notes


def _one_class(listing: Listing, root: str, members: list[tuple[str, str]]) -> Corrupt:
    """The error for a single class; perhaps the classes are one level below."""
    places = [name[len(root) + 1 :].split("/") for name, _ in members]
    below = sorted({place[1] for place in places if len(place) > 2})
    folder = places[0][0]
    remedy = f"{LAYOUT}, with two classes or more"
    if len(below) > 1:
        what = f"if the classes are {_listed(below)}, move these folders from {root}/{folder}/"
        remedy = f"{what} to {root}/, and likewise in test/"
    what = f"{root}/ has only one class, {folder!r}: there is nothing to learn"
    return Corrupt(listing.path, what, remedy)


def _missing(listing: Listing, part: str, loose: list[str]) -> Corrupt:
    what = f"no images under {part}/<class>/"
    ordered = sorted(listing.folders, key=lambda folder: (_depth(folder), folder))
    there = [f for f in ordered if _last(f).casefold() in ALIKE] or ordered
    there = [f"{f}/" for f in there if _depth(f) == _depth(there[0])] or list(listing.files)
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


def _parent(folder: str) -> str:
    return folder.rpartition("/")[0]


def _last(folder: str) -> str:
    return folder.rpartition("/")[2]


def _depth(folder: str) -> int:
    return folder.count("/") + bool(folder)
