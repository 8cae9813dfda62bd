"""How the name of a file or folder is read: `~` is the home folder, and no name is no place."""

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic_core import PydanticCustomError

from resdepth.errors import Usage

PICTURES = (".pdf", ".svg", ".png")
"""Kinds of figures."""


def home_folder() -> Path | None:
    """The user's home folder; None without $HOME and without an entry in passwd."""
    if os.environ.get("HOME") == "":
        return None
    try:
        return Path.home()
    except RuntimeError:
        return None


def place(given: str) -> Path:
    """The path that `given` names, with a leading `~` or `~user` expanded.

    A name that begins with `~` but is not that of a user is taken as it is, as in a shell; `./~` is
    a folder of that name. Raises PydanticCustomError if the path cannot be one.
    """
    if not given:
        raise PydanticCustomError("place", "should name a file or folder, not be empty")
    if "\0" in given:
        raise PydanticCustomError("place", "a path cannot hold a null character")
    user, _, below = given.partition("/")
    if user == "~":
        home = home_folder()
        if home is None:
            shown = {"given": given}
            raise PydanticCustomError("place", "no home folder is known here for '{given}'", shown)
        return home / below.lstrip("/")
    try:
        return Path(given).expanduser() if user.startswith("~") else Path(given)
    except RuntimeError:
        return Path(given)


def spelled(path: Path) -> str:
    """The word that `place` reads as `path`."""
    return f"./{path}" if str(path).startswith("~") else str(path)


def written_as(path: Path, suffixes: Sequence[str]) -> Path:
    """`path`, to which the first of the suffixes is added if it has none.

    Raises Usage if the suffix is of another kind of file, or `path` can only be a folder.
    """
    if path.name in ("", ".."):
        raise Usage("out", f"'{path}' is a folder; give the name of a file")
    suffix = path.suffix
    if suffix.lower() in suffixes:
        return path
    # The end of a name such as "beta=0.75" or "run.v2" is no suffix.
    if suffix[1:].isalpha() or suffix.lower() == ".mp4":
        known = f"one of {', '.join(suffixes)}" if len(suffixes) > 1 else suffixes[0]
        raise Usage("out", f"'{suffix}' is not {known}")
    return path.with_name(f"{path.name}{suffixes[0]}")
