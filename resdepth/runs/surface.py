"""Loss surfaces on disk: ours, with record and checksums, unfinished ones, and any other array."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resdepth.atomic import write_bytes, write_text
from resdepth.contents import UNREADABLE, identify
from resdepth.errors import Corrupt, Impossible, Usage, no_such, unreadable
from resdepth.options.programs import PROGRAMS, flat_record
from resdepth.records import as_json, plain
from resdepth.runs.checksum import KEY, check_zip, checksum, file_checksum
from resdepth.runs.export import write_arrays

FORMAT, FAMILY = "resdepth-landscape-2", "resdepth-landscape"
LOSSES, ACCURACIES = "losses_sha256", "accuracies_sha256"
Array = NDArray[np.float64]
REMEDY = "render the surface again"


@dataclass(frozen=True)
class Surface:
    """Losses (n,) or (n, m) over `axes`, which are cell numbers in a file of other origin.

    `record` is what `landscape` wrote next to the losses, empty for other files. `losses` are the
    mean over pairs of directions, and `pairs` (pairs, n) or (pairs, n, m) those of each pair.
    `accuracies` have the shape of `pairs`; None if there are none.
    """

    path: Path
    losses: Array
    axes: tuple[Array, ...]
    record: dict[str, Any]
    pairs: Array
    accuracies: Array | None = None

    @property
    def centre_loss(self) -> float | None:
        """The unperturbed loss, if known."""
        value = self.record.get("centre_loss")
        return None if value is None else float(value)

    @property
    def several(self) -> bool:
        """Whether there are several pairs of directions."""
        return len(self.pairs) > 1

    @property
    def raw(self) -> Array:
        """The losses as in the file: those of several pairs one by one."""
        return self.pairs if self.several else self.losses

    @property
    def trajectory(self) -> dict[str, Array] | None:
        """The checkpoints of a trajectory, None for other surfaces.

        `steps`, `coordinates`, `loss`, `plane_loss`, `distance` and `accuracy`.
        """
        found = self.record.get("path")
        return None if found is None else {n: np.array(v, np.float64) for n, v in found.items()}

    def minimum(self) -> tuple[int, ...]:
        """Index of the smallest finite loss, the first in row-major order."""
        finite = np.where(np.isfinite(self.losses), self.losses, np.inf)
        return tuple(int(i) for i in np.unravel_index(int(np.argmin(finite)), finite.shape))


def places_of(out: Path) -> tuple[Path, Path, Path]:
    """The paths of the losses at `out`, their record and the accuracies."""
    return out, out.with_suffix(".json"), out.with_name(f"{out.stem}_accuracy{out.suffix}")


def files_of(out: Path) -> tuple[Path, ...]:
    """The existing files of a surface: losses, record, accuracies."""
    return tuple(path for path in places_of(out) if path.is_file())


def write_surface(
    out: Path, losses: Array, record: Mapping[str, Any], accuracies: Array | None = None
) -> None:
    """Write `out` (.npy), the accuracies, and the record with the checksums of all."""
    whole = plain({"format": FORMAT, **record})
    _, record_path, accuracy_path = places_of(out)
    whole[LOSSES] = _write_array(out, losses)
    if accuracies is None:
        accuracy_path.unlink(missing_ok=True)
    else:
        whole[ACCURACIES] = _write_array(accuracy_path, accuracies)
    whole[KEY] = checksum(whole)
    write_text(record_path, as_json(whole) + "\n")


def _write_array(path: Path, values: Array) -> str:
    """Write a .npy and return its checksum."""
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=False)
    write_bytes(path, stream.getbuffer())
    return hashlib.sha256(stream.getbuffer()).hexdigest()


def read_surface(path: Path) -> Surface:
    """Read a `.npy` of real numbers, and its `.json` if there is one.

    Raises Missing without a file, Corrupt if it is not a whole array of numbers or the `.json` does
    not fit it, Impossible if there is no grid of one or two dimensions, or no finite value.
    """
    _, record_path, accuracy_path = places_of(path)
    losses, record = _read_array(path), _read_record(record_path)
    pairs = losses if int(record.get("pairs", 1)) > 1 and losses.ndim > 1 else losses[None]
    shape = pairs.shape[1:]
    if len(shape) not in (1, 2) or min(shape) < 2:
        spelled = " x ".join(map(str, losses.shape)) or "a single number"
        what = f"{spelled}: not a line or a grid of at least two cells per side"
        raise Impossible(path, what, "'landscape render' makes one")
    if not np.isfinite(losses).any():
        raise Impossible(path, "no loss is finite", "render with a smaller `span`")
    if KEY in record and checksum(record) != record[KEY]:
        what = "its checksum does not agree: it was changed after it was written"
        raise Corrupt(record_path, what, REMEDY)
    _check_sum(path, record, LOSSES)
    axes = tuple(np.asarray(axis, dtype=np.float64) for axis in record.get("axes", []))
    axes = axes or tuple(np.arange(count, dtype=np.float64) for count in shape)
    if tuple(len(axis) for axis in axes) != shape:
        raise Corrupt(record_path, f"its axes do not fit the shape {shape} of {path.name}", REMEDY)
    accuracies = None
    if ACCURACIES in record:
        accuracies = _read_array(accuracy_path)
        _check_sum(accuracy_path, record, ACCURACIES)
        accuracies = accuracies.reshape(pairs.shape)
    return Surface(path, pairs.mean(axis=0), axes, record, pairs, accuracies)


def _read_array(path: Path) -> Array:
    # What helps depends on whether `landscape` wrote the file.
    ours = path.with_suffix(".json").is_file()
    remedy = REMEDY if ours else "give a line or a grid of numbers that numpy.save wrote"
    try:
        content = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise no_such(path, "file") from None
    except (*UNREADABLE, MemoryError) as error:
        found = identify(path)
        if "Object arrays" in str(error):
            what = "holds Python objects, not numbers"
        elif found.what.startswith("a numpy array"):
            what = f"{found.what} that cannot be read ({type(error).__name__}: {error})"
        else:
            what = f"{found.what}, not an .npy file"
        raise Corrupt(path, what, found.remedy or remedy) from None
    except OSError as error:
        raise unreadable(path, error) from None
    if not isinstance(content, np.ndarray) or content.dtype.kind not in "fiu":
        kind = getattr(content, "dtype", "an archive")
        raise Corrupt(path, f"holds {kind}, not real numbers", remedy)
    return content.astype(np.float64)


def _read_record(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, RecursionError):
        what = f"it is {identify(path).what}, not JSON"
        raise Corrupt(path, what, "remove or restore it") from None
    # A .json of another kind may lie next to a .npy of other origin.
    ours = isinstance(content, dict) and str(content.get("format", "")).startswith(FAMILY)
    return content if ours else {}


def _check_sum(path: Path, record: Mapping[str, Any], name: str) -> None:
    """Raise Corrupt if a file is not the written one; records of earlier versions have no sums."""
    if name in record and record[name] != file_checksum(path):
        raise Corrupt(path, "its checksum does not agree with that in its record", REMEDY)


@dataclass(frozen=True)
class Partial:
    """`values` (cells, measures) are valid where `done` (cells,); they depend on `request`."""

    request: dict[str, Any]
    values: Array
    done: NDArray[np.bool_]

    def check_same(self, out: Path, request: dict[str, Any], cells: int) -> None:
        """Raise Usage if `request` is for another surface than this one."""
        differing = differences(self.request, request)
        if differing or len(self.done) != cells:
            name = (differing or ["steps"])[0]
            recorded, given = self.request.get(name), request[name]
            shown = "" if isinstance(given, dict) else f" ({recorded}, not {given})"
            what = f"{out} was started with another {name.replace('_', ' ')}{shown}"
            raise Usage("resume", what, "repeat its options, or leave `resume` out to start again")


def differences(record: Mapping[str, Any], request: Mapping[str, Any]) -> list[str]:
    """The names in a request whose values in a record are others.

    The path of the checkpoint does not count: its checksum identifies it. Of the options of the
    training, only those count that both versions of resdepth have and that have an effect.
    """
    given, known = json.loads(json.dumps(request)), dict(record)
    if isinstance(given.get("training"), dict) and isinstance(known.get("training"), dict):
        names = given["training"].keys()
        fitting = [one for one, model in PROGRAMS.items() if names <= model.fields().keys()]
        training = flat_record(fitting[0] if fitting else "", known["training"])
        known["training"] = {n: training.get(n, value) for n, value in given["training"].items()}
    return [name for name in given if name != "checkpoint" and known.get(name) != given[name]]


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
        raise Corrupt(path, "not an unfinished surface", "remove it to start again") from None
