"""How the name of a file or folder is read: `~` is the home folder, and no name is no place."""

import os
from pathlib import Path

from pydantic_core import PydanticCustomError


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
