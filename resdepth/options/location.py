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

    A name that begins with `~` and is no user's is taken as it stands, as shells do; `./~` is a
    folder of that name.

    Raises
    ------
    PydanticCustomError
        It is empty, holds a null character, or needs a home folder where there is none.
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
    if user.startswith("~"):
        try:
            return Path(given).expanduser()
        except RuntimeError:
            return Path(given)
    return Path(given)


def spelled(path: Path) -> str:
    """What `place` reads as `path`."""
    return f"./{path}" if str(path).startswith("~") else str(path)


def written_as(path: Path, suffixes: Sequence[str], *, command: str) -> Path:
    """`path` with a suffix that `command` writes: the first of them is added where there is none.

    Raises
    ------
    Usage
        The suffix names a kind of file that is not written, or `path` can only be a folder.
    """
    if path.name in ("", ".."):
        reason = f"'{path}' is a folder; give the name of a file"
        raise Usage("out", reason)
    suffix = path.suffix
    if suffix.lower() in suffixes:
        return path
    # The end of a name such as "beta=0.75" or "run.v2" is no suffix.
    if suffix[1:].isalpha() or suffix.lower() == ".mp4":
        known = f"one of {', '.join(suffixes)}" if len(suffixes) > 1 else suffixes[0]
        reason = f"'{suffix}' is not {known}"
        raise Usage("out", reason)
    return path.with_name(f"{path.name}{suffixes[0]}")
