"""An unfinished surface on disk: its values, the mask of its finished cells, and its request."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resdepth.contents import UNREADABLE
from resdepth.errors import Corrupt, Usage, unreadable
from resdepth.runs.checksum import check_zip
from resdepth.runs.export import write_arrays

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Partial:
    """`values` (cells, measures) are valid where `done` (cells,); they depend on `request`."""

    request: dict[str, Any]
    values: Array
    done: NDArray[np.bool_]

    @classmethod
    def empty(cls, request: dict[str, Any], cells: int, measures: int = 2) -> "Partial":
        """No cell is finished."""
        return cls(request, np.full((cells, measures), np.nan), np.zeros(cells, dtype=bool))

    def check_same(self, out: Path, request: dict[str, Any], cells: int) -> None:
        """Raise Usage if `request` is for another surface than this one."""
        given = json.loads(json.dumps(request))
        # The checksum identifies the checkpoint; its path may be spelt otherwise.
        names = [name for name in given if name != "checkpoint"]
        differing = [name for name in names if self.request.get(name) != given[name]]
        if differing or len(self.done) != cells:
            name = (differing or ["steps"])[0]
            values = f" ({self.request.get(name)}, not {given[name]})"
            shown = "" if isinstance(given[name], dict) else values
            raise Usage(
                "resume",
                f"{out} was begun with another {name.replace('_', ' ')}{shown}",
                "repeat its options, or leave `resume` out to begin anew",
            )


def partial_path(out: Path) -> Path:
    """The path of the unfinished surface of `out`."""
    return out.with_name(f".{out.stem}.partial.npz")


def write_partial(out: Path, partial: Partial) -> None:
    """Save an unfinished surface whole."""
    request = json.dumps(partial.request)
    arrays = {"values": partial.values, "done": partial.done, "request": request}
    write_arrays(partial_path(out), arrays)


def read_partial(out: Path) -> Partial | None:
    """The unfinished surface of `out`, None if there is none; raises Corrupt for a damaged one."""
    path = partial_path(out)
    if not path.is_file():
        return None
    try:
        check_zip(path)
        with np.load(path, allow_pickle=False) as archive:
            values, done = archive["values"], archive["done"]
            request = json.loads(str(archive["request"]))
        fitting = values.ndim == 2 and done.shape == values.shape[:1]
        if values.dtype != np.float64 or done.dtype != bool or not fitting:
            raise ValueError
        return Partial(dict(request), values, done)
    except OSError as error:
        raise unreadable(path, error) from None
    except (*UNREADABLE, MemoryError, KeyError, TypeError):
        raise Corrupt(path, "not an unfinished surface", "remove it to begin anew") from None


def discard(out: Path) -> None:
    """Remove the unfinished surface of a finished one."""
    partial_path(out).unlink(missing_ok=True)
