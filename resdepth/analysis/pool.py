"""Which weights may be averaged: runs with the same options except seed, depth and output."""

import math
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from resdepth.analysis.measure import same_weights
from resdepth.errors import Impossible, Usage
from resdepth.options.data import REGRESSIONS
from resdepth.options.programs import PLACE, RECORDING
from resdepth.options.train import TrainOptions
from resdepth.runs.checkpoint import step_in_name, step_of
from resdepth.runs.manifest import Manifest, read_manifest
from resdepth.weights.families import Range
from resdepth.weights.read import Sources, read_paths
from resdepth.weights.weight_path import WeightPath

V = TypeVar("V")
VARYING = ("seed", "depth")  # Options in which runs of one experiment may differ
MIXED = "`allow_mixed`, in Python pooled(models, allow_mixed=True), pools them anyway"


class Pool(tuple[WeightPath, ...]):
    """Paths that belong together; `left_out` has a line about each excluded or doubtful one."""

    left_out: tuple[str, ...]

    def __new__(cls, paths: Iterable[WeightPath], left_out: Iterable[str] = ()) -> Self:
        """The pool of `paths`, which are not compared."""
        pool = super().__new__(cls, paths)
        pool.left_out = tuple(dict.fromkeys(left_out))
        return pool


def paths_of(
    sources: Sources,
    pattern: str | None = None,
    *,
    layers: Range | None = None,
    extension: str | None = None,
    allow_mixed: bool = False,
) -> Pool:
    """Read the weight paths in `sources` that may be averaged: `read_paths`, then `pooled`.

    `sources` are runs, files, or folders of these. Without `pattern` the weights are those of
    `train`; `pattern` names the tensors of other programs, as in "h.{k}.weight", and `layers` is
    the first and the last k. `extension` selects files.
    """
    return pooled(read_paths(sources, pattern, layers, extension), allow_mixed=allow_mixed)


def together(paths: Sequence[WeightPath]) -> Pool:
    """The paths that a table may average: a pool itself, else `pooled`, with warnings."""
    if isinstance(paths, Pool):
        return paths
    pool = pooled(paths)
    for line in pool.left_out:
        warnings.warn(line, stacklevel=3)
    return pool


def pooled(models: Sequence[WeightPath], *, allow_mixed: bool = False) -> Pool:
    """The paths that are repetitions of one experiment, depth by depth.

    Excluded, if others remain: runs that diverged, did not finish or did not reach `stop_loss`, and
    repetitions of another run (same depth and seed) or file (same weights). `allow_mixed` keeps
    everything. Raises Usage: two runs differ in another option than seed, depth and output, or two
    paths are of different training steps; Impossible: nothing is left.
    """
    manifests = {run: read_manifest(run) for run in {path.run for path in models} if run}
    runs = {path.source: manifests[path.run] for path in models if path.run is not None}
    known: dict[str, tuple[Path, Any]] = {}
    for source, of_run in () if allow_mixed else runs.items():
        # A run of an earlier version may not have an option.
        for name, value in _training(of_run).items():
            first, ours = known.setdefault(name, (source, value))
            if value != ours:
                raise _other_experiment(first, source, spelled(name), ours, value)
    count = len({path.source for path in models})
    reached = any("reached" in manifest.detail for manifest in runs.values())
    kept, left_out = list[WeightPath](), list[str]()
    for path in models:
        unfit, repeats = "", _repeats(path, kept, runs)
        if manifest := runs.get(path.source):
            unfit = unfinished(manifest)
            if not unfit and reached and "reached" not in manifest.detail:
                unfit = f"the run did not reach `stop_loss={manifest.options.get('stop_loss')}`"
        excluded = not allow_mixed and (repeats or (unfit and count > 1))
        if reason := unfit or repeats:
            left_out.append(f"{path.source}: {'left out: ' if excluded else ''}{reason}")
        if not excluded:
            kept.append(path)
    if not kept:
        raise Impossible(models[0].source, f"of {count} runs none finished", MIXED)
    if not allow_mixed:
        _check_steps(kept, runs)
    return Pool(kept, left_out)


def experiments(
    manifests: Mapping[Path, Manifest], *, aside: Collection[str] = (), named: Collection[str] = ()
) -> dict[str, list[Path]]:
    """Sets of repetitions by the options in which they differ: "", or "--alpha 0.5, --lr 2.0".

    Runs of one set may also differ in the options `aside`; the options `named` are in every key.
    """
    known = {run: _training(manifest) for run, manifest in manifests.items()}
    values: dict[str, set[str]] = {}
    for options in known.values():
        for name, value in options.items():
            values.setdefault(name, set()).add("" if name in aside else repr(value))
    differing = [name for name, found in values.items() if len(found) > 1 or name in named]
    sets: dict[str, list[Path]] = {}
    for run, options in known.items():
        parts = [f"{spelled(name)} {options[name]}" for name in differing if name in options]
        sets.setdefault(", ".join(parts), []).append(run)
    return in_order(sets)


def in_order(sets: Mapping[str, V]) -> dict[str, V]:
    """Sets of runs sorted by their labels, in which numbers count as numbers."""

    def rank(word: str) -> tuple[float, str]:
        try:
            return float(word), word
        except ValueError:
            return math.inf, word

    def ranks(label: str) -> list[tuple[float, str]]:
        return [*map(rank, label.replace(",", " ").split())]

    return {label: sets[label] for label in sorted(sets, key=ranks)}


def seed_names(paths: Sequence[WeightPath]) -> list[int | str]:
    """Which paths of different depths are of one seed: those with the same name.

    The seed of the run, or the folder of a file; if every such file has a folder of its own, files
    are paired in the order of their paths. A repeated name is numbered.
    """
    others = Counter(path.source.parent for path in paths if path.run is None)
    alone = all(count == 1 for count in others.values())
    names: list[int | str] = []
    seen = Counter[tuple[str, int, int | str]]()
    for path in paths:
        name: int | str = "file" if alone else str(path.source.parent)
        if path.run is not None:
            name = read_manifest(path.run).seed
        seen[path.family, path.depth, name] += 1
        count = seen[path.family, path.depth, name]
        names.append(name if count == 1 else f"{name} ({count})")
    return names


def unfinished(manifest: Manifest) -> str:
    """Why the weights of a run are not those of its end; "" if they are."""
    if manifest.outcome == "finished":
        return ""
    done = f"after {manifest.steps} steps"
    words = {"running": "has not ended", "diverged": f"diverged {done}"}
    return f"the run {words.get(manifest.outcome, f'{manifest.outcome} {done}')}"


def _repeats(path: WeightPath, kept: Sequence[WeightPath], runs: Mapping[Path, Manifest]) -> str:
    """Which of the kept paths this one repeats, in words; "" if none."""
    ours = runs.get(path.source)
    for other in kept:
        if (other.family, other.depth) != (path.family, path.depth):
            continue
        theirs = runs.get(other.source)
        if ours is None or theirs is None:
            if same_weights(path, other):
                return f"it holds the same weights as {other.source}"
            continue
        if ours.seed == theirs.seed and step_of(path.source, ours) == step_of(other.source, theirs):
            return f"it repeats {other.source}, of the same depth and seed"
    return ""


def _other_experiment(first: Path, second: Path, what: str, ours: object, theirs: object) -> Usage:
    """Runs that are not repetitions of one experiment were given together."""
    reason = f"not repetitions of one experiment: {what} is {ours} and {theirs}"
    return Usage(f"{first} and {second}", reason, f"analyse them separately; {MIXED}")


def _check_steps(paths: Sequence[WeightPath], runs: Mapping[Path, Manifest]) -> None:
    """Raise Usage if one path was trained longer than another, as far as this is recorded."""
    firsts: dict[object, tuple[Path, object, object]] = {}

    def compare(key: object, path: Path, value: object, shown: object) -> None:
        first, ours, written = firsts.setdefault(key, (path, value, shown))
        if value != ours:
            raise _other_experiment(first, path, "the step", written, shown)

    for path in sorted(paths, key=lambda path: path.source not in runs):
        file, manifest = path.source, runs.get(path.source)
        step = step_of(file, manifest)
        if manifest is None:
            name, number = step_in_name(file)
            if number:
                compare((name, path.family), file, number, number)
            if step is not None:
                compare(path.depth, file, step, step)
        elif step is not None:
            at_end = step == manifest.steps
            compare(None, file, "end" if at_end else step, f"{step} of {manifest.steps}")
            firsts.setdefault(path.depth, (file, step, step))


def _training(manifest: Manifest) -> dict[str, Any]:
    """The options that determine the weights of a run, without seed and depth."""
    ignored = (*VARYING, *PLACE, *RECORDING)
    found = {name: value for name, value in manifest.options.items() if name not in ignored}
    if "reached" in manifest.detail:
        found.pop("epochs", None)  # It ended at its `stop_loss`, however many were allowed.
    # Points that are drawn depend on the seed.
    if manifest.data and found.get("data") not in REGRESSIONS:
        found["data checksum"] = manifest.data
    if manifest.parent and found.pop("start_from", None):
        found["parent checksum"] = manifest.parent["sha256"][:12]
    return found


def spelled(name: str) -> str:
    """An option as a label has it."""
    known = name in TrainOptions.fields()
    return f"--{name.replace('_', '-')}" if known else f"the {name}"
