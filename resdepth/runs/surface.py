"""A rendered surface: written with its record and checksums, read back, ours or anybody's."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from resdepth.atomic import write_text, write_whole
from resdepth.contents import UNREADABLE, seen
from resdepth.errors import Corrupt, Impossible, no_such, unreadable
from resdepth.records import as_json, plain
from resdepth.runs.checksum import KEY, checksum, file_checksum

FORMAT = "resdepth-landscape-2"
LOSSES, ACCURACIES = "losses_sha256", "accuracies_sha256"
Array = NDArray[np.float64]
REMEDY = "render the surface again"


@dataclass(frozen=True)
class Surface:
    """Losses (n,) or (n, m) over `axes`, which are cell numbers where nothing else is known.

    `record` is what `landscape` wrote beside the losses, empty for a file from elsewhere. Of
    several pairs of directions `losses` are the mean, and `pairs` (pairs, n) or (pairs, n, m) those
    of each. `accuracies` are shaped as `pairs`, None where there are none.
    """

    path: Path
    losses: Array
    axes: tuple[Array, ...]
    record: dict[str, Any]
    pairs: Array | None = None
    accuracies: Array | None = None

    @property
    def centre_loss(self) -> float | None:
        """The unperturbed loss, where it is known."""
        value = self.record.get("centre_loss")
        return None if value is None else float(value)

    @property
    def several(self) -> bool:
        """Whether there are several pairs of directions."""
        return self.pairs is not None and len(self.pairs) > 1

    @property
    def raw(self) -> Array:
        """The losses as the file has them: those of several pairs one by one."""
        return self.pairs if self.pairs is not None and self.several else self.losses

    @property
    def trajectory(self) -> dict[str, Array] | None:
        """`steps`, `coordinates`, `loss`, `plane_loss`, `distance` of a trajectory's checkpoints.

        `accuracy` too; None for other surfaces.
        """
        found = self.record.get("path")
        if found is None:
            return None
        return {name: np.array(values, dtype=np.float64) for name, values in found.items()}

    def minimum(self) -> tuple[int, ...]:
        """Index of the smallest finite loss, the first in row-major order."""
        finite = np.where(np.isfinite(self.losses), self.losses, np.inf)
        return tuple(int(i) for i in np.unravel_index(int(np.argmin(finite)), finite.shape))


def accuracy_path(out: Path) -> Path:
    """Where the accuracies of the surface at `out` lie."""
    return out.with_name(f"{out.stem}_accuracy{out.suffix}")


def places_of(out: Path) -> tuple[Path, ...]:
    """Where the losses at `out`, their record and the accuracies are written."""
    return out, out.with_suffix(".json"), accuracy_path(out)


def files_of(out: Path) -> tuple[Path, ...]:
    """The files of a surface: losses, and record and accuracies if there are any."""
    return tuple(path for path in places_of(out) if path.is_file())


def write_surface(
    out: Path, losses: Array, record: Mapping[str, Any], accuracies: Array | None = None
) -> None:
    """Write `out` (.npy), the accuracies, and the record, which holds the checksums of all."""
    beside = accuracy_path(out)
    arrays = {LOSSES: (out, losses)} | (
        {} if accuracies is None else {ACCURACIES: (beside, accuracies)}
    )
    said = plain({"format": FORMAT, **record})
    if accuracies is None:
        beside.unlink(missing_ok=True)
    for name, (path, values) in arrays.items():
        content = io.BytesIO()
        np.save(content, values, allow_pickle=False)
        whole = content.getvalue()
        said[name] = hashlib.sha256(whole).hexdigest()
        write_whole(path, partial(_put, whole))
    said[KEY] = checksum(said)
    write_text(out.with_suffix(".json"), as_json(said) + "\n")


def _put(content: bytes, stream: BinaryIO) -> object:
    return stream.write(content)


def read_surface(path: Path) -> Surface:
    """Read a `.npy` of real numbers and the `.json` beside it, if there is one.

    Raises
    ------
    Missing, Corrupt
        No file; not a whole array of numbers; or the `.json` does not fit it.
    Impossible
        Nothing to draw: no grid of one or two dimensions, or no finite value.
    """
    losses = _read_array(path)
    record = _read_record(path.with_suffix(".json"))
    pairs = losses if int(record.get("pairs", 1)) > 1 and losses.ndim > 1 else losses[None]
    shape = pairs.shape[1:]
    if len(shape) not in (1, 2) or min(shape) < 2:
        spelled = " x ".join(map(str, losses.shape)) or "a single number"
        reason = f"{spelled}: not a line or a grid of at least two cells a side"
        raise Impossible(path, reason, "'landscape render' makes one")
    if not np.isfinite(losses).any():
        reason = "no loss is finite"
        raise Impossible(path, reason, "render with a smaller `span`")
    _check_sums(path, record)
    axes = tuple(np.asarray(axis, dtype=np.float64) for axis in record.get("axes", []))
    if not axes:
        axes = tuple(np.arange(count, dtype=np.float64) for count in shape)
    if tuple(len(axis) for axis in axes) != shape:
        reason = f"its axes do not fit the shape {shape} of {path.name}"
        raise Corrupt(path.with_suffix(".json"), reason, REMEDY)
    return Surface(path, pairs.mean(axis=0), axes, record, pairs, _accuracies(path, record, pairs))


def _accuracies(path: Path, record: Mapping[str, Any], pairs: Array) -> Array | None:
    if ACCURACIES not in record:
        return None
    beside = accuracy_path(path)
    accuracies = _read_array(beside)
    _check_sum(beside, record, ACCURACIES)
    return accuracies.reshape(pairs.shape)


def _read_array(path: Path) -> Array:
    try:
        content = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise no_such(path, "file") from None
    except (*UNREADABLE, MemoryError) as error:
        found = seen(path)
        if "Object arrays" in str(error):
            reason = "holds Python objects, not numbers"
        elif found.what.startswith("a numpy array"):
            reason = f"{found.what} that cannot be read ({type(error).__name__}: {error})"
        else:
            reason = f"{found.what}, not an .npy file"
        raise Corrupt(path, reason, found.remedy or _remedy(path)) from None
    except OSError as error:
        raise unreadable(path, error) from None
    if not isinstance(content, np.ndarray) or content.dtype.kind not in "fiu":
        kind = getattr(content, "dtype", "an archive")
        reason = f"holds {kind}, not real numbers"
        raise Corrupt(path, reason, _remedy(path))
    return content.astype(np.float64)


def _remedy(path: Path) -> str:
    """What helps depends on whether `landscape render` wrote the file."""
    ours = path.with_suffix(".json").is_file()
    return REMEDY if ours else "give a line or a grid of numbers that numpy.save wrote"


def _read_record(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, RecursionError):
        reason = f"it is {seen(path).what}, not JSON"
        raise Corrupt(path, reason, "remove or restore it") from None
    # A .json of something else may lie beside a .npy from elsewhere.
    ours = isinstance(content, dict) and str(content.get("format", "")).startswith(
        "resdepth-landscape"
    )
    return content if ours else {}


def _check_sums(path: Path, record: Mapping[str, Any]) -> None:
    """Raise where losses or record are not what was written; older records have no checksums."""
    beside = path.with_suffix(".json")
    if KEY in record and checksum(record) != record[KEY]:
        reason = "its checksum does not agree: it was changed after it was written"
        raise Corrupt(beside, reason, REMEDY)
    _check_sum(path, record, LOSSES)


def _check_sum(path: Path, record: Mapping[str, Any], name: str) -> None:
    if name in record and record[name] != file_checksum(path):
        reason = "its checksum does not agree with that in the record beside it"
        raise Corrupt(path, reason, REMEDY)
