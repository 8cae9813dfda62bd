"""An unfinished surface: what was measured, the mask of finished cells, and what was asked for."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resdepth.contents import UNREADABLE
from resdepth.errors import Corrupt, Usage, unreadable
from resdepth.runs.archive import check_zip
from resdepth.runs.export import write_arrays

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Partial:
    """`values` (cells, measures) hold where `done` (cells,) does; they depend on `request`."""

    request: dict[str, Any]
    values: Array
    done: NDArray[np.bool_]

    @classmethod
    def empty(cls, request: dict[str, Any], cells: int, measures: int = 2) -> "Partial":
        """No cell is finished; what is not evaluated is NaN, but the mask alone counts."""
        return cls(request, np.full((cells, measures), np.nan), np.zeros(cells, dtype=bool))

    def check_same(self, out: Path, request: dict[str, Any], cells: int) -> None:
        """Raise Usage where `request` asks for another surface than this one."""
        wanted = json.loads(json.dumps(request))
        # The digest says whether the checkpoint is the same; its path may be spelled otherwise.
        names = [name for name in wanted if name != "checkpoint"]
        differing = [name for name in names if self.request.get(name) != wanted[name]]
        if differing or len(self.done) != cells:
            name = (differing or ["steps"])[0]
            recorded, given = self.request.get(name), wanted[name]
            shown = "" if isinstance(given, dict) else f" ({recorded}, not {given})"
            raise Usage(
                "resume",
                f"{out} was begun with another {name.replace('_', ' ')}{shown}",
                "repeat its options, or leave `resume` out to begin anew",
            )


def partial_path(out: Path) -> Path:
    """Where the unfinished surface of `out` lies."""
    return out.with_name(f".{out.stem}.partial.npz")


def write_partial(out: Path, partial: Partial) -> None:
    """Save an unfinished surface whole."""
    request = json.dumps(partial.request)
    arrays = {"values": partial.values, "done": partial.done, "request": request}
    write_arrays(partial_path(out), arrays)


def read_partial(out: Path) -> Partial | None:
    """The unfinished surface of `out`, or None where there is none.

    Raises
    ------
    Corrupt
        What lies there is not one.
    """
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
        reason = "not an unfinished surface"
        raise Corrupt(path, reason, "remove it to begin anew") from None


def discard(out: Path) -> None:
    """Remove the unfinished surface of a finished one."""
    partial_path(out).unlink(missing_ok=True)
