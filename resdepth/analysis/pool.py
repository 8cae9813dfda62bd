"""Which runs are repetitions of one experiment: the same options but for seed, depth and place."""

import math
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from resdepth.analysis.measure import AnyModel, M, same_weights
from resdepth.errors import Impossible, not_repetitions
from resdepth.options.non_training import PLACE, RECORDING
from resdepth.options.programs import effective_options
from resdepth.options.train import REGRESSIONS, TrainOptions
from resdepth.runs.manifest import Manifest
from resdepth.runs.run import Run
from resdepth.runs.steps import step_in_name, step_of

V = TypeVar("V")
VARYING = ("seed", "depth")
"""What runs of one experiment may differ in."""
MIXED = "--allow-mixed, in Python pooled(models, allow_mixed=True), takes them all the same"


class Pool(tuple[M, ...]):
    """Models that belong together; `left_out` has a line about each other one, or doubtful one."""

    left_out: tuple[str, ...]

    def __new__(cls, models: Iterable[M], left_out: Iterable[str] = ()) -> Self:
        """The pool of `models`, which are not compared."""
        pool = super().__new__(cls, models)
        pool.left_out = tuple(dict.fromkeys(left_out))
        return pool

    @property
    def models(self) -> tuple[M, ...]:
        """The models themselves."""
        return tuple(self)


def together(models: Sequence[M]) -> Pool[M]:
    """The models over which a table may average: a pool itself, else what `pooled` makes of them.

    Warns of every model that is left out.
    """
    if isinstance(models, Pool):
        return models
    pool = pooled(models)
    for line in pool.left_out:
        warnings.warn(line, stacklevel=3)
    return pool


def pooled(models: Sequence[M], *, allow_mixed: bool = False) -> Pool[M]:
    """The models that are repetitions of one experiment, depth by depth.

    Runs that diverged, did not finish or did not reach `--stop-loss` are left out if there
    are others, and so is what repeats another model: a run of the same options, depth and seed, or
    a file with the same weights. Files of no run are otherwise taken as they are. `allow_mixed`
    keeps and pools all models.

    Raises
    ------
    Usage
        Two runs differ in an option that is neither seed nor depth nor place, or two models are of
        different steps of training.
    Impossible
        Nothing is left.
    """
    manifests = {run: Run(run).manifest for run in {model.run for model in models} if run}
    runs = {model.path: manifests[model.run] for model in models if model.run is not None}
    if not allow_mixed:
        _check(runs)
    several = len({model.path for model in models}) > 1
    reached = any("reached" in manifest.detail for manifest in runs.values())
    kept, left_out = list[M](), list[str]()
    for model in models:
        unfit = _unfit(runs[model.path], reached=reached) if model.path in runs else ""
        repeats = _repeats(model, kept, runs)
        if (repeats or (unfit and several)) and not allow_mixed:
            left_out.append(f"{model.path}: left out: {unfit or repeats}")
            continue
        if unfit or repeats:
            left_out.append(f"{model.path}: {unfit or repeats}")
        kept.append(model)
    if not kept:
        reason = f"of {len({model.path for model in models})} runs none finished"
        raise Impossible(models[0].path, reason, MIXED)
    if not allow_mixed:
        _check_steps(kept, runs)
    return Pool(kept, left_out)


def experiments(
    manifests: Mapping[Path, Manifest], *, aside: Iterable[str] = (), named: Iterable[str] = ()
) -> dict[str, list[Path]]:
    """The runs that are repetitions of one another, by the options in which these sets differ.

    The key is "" if there is one set alone, else as in "--alpha 0.5, --lr 2.0". Runs of one set may
    also differ in the options `aside`; those `named` are in every key.
    """
    told = {
        run: {name: value for name, value in _told(manifest).items() if name not in aside}
        for run, manifest in manifests.items()
    }
    names = list(dict.fromkeys(name for known in told.values() for name in known))
    values = {
        name: {repr(known[name]) for known in told.values() if name in known} for name in names
    }
    differing = [name for name in names if len(values[name]) > 1 or name in named]
    sets: dict[str, list[Path]] = {}
    for run, known in told.items():
        parts = [f"{spelled(name)} {known[name]}" for name in differing if name in known]
        sets.setdefault(", ".join(parts), []).append(run)
    return in_order(sets)


def in_order(sets: Mapping[str, V]) -> dict[str, V]:
    """Sets of runs by their labels, in which numbers count as numbers."""
    return {label: sets[label] for label in sorted(sets, key=_rank)}


def _rank(label: str) -> list[tuple[float, str]]:
    words = label.replace(",", " ").split()
    return [(_number(word), word) for word in words]


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.inf


def seed_names(models: Sequence[AnyModel]) -> list[int | str]:
    """Which models of different depths are one seed: the same name, which no depth has twice.

    The seed of the run; of other files the folder. Where every such file lies in a folder of its
    own, they are paired in the order of their paths. A repetition of a name is numbered.
    """
    others = Counter(model.path.parent for model in models if model.run is None)
    alone = all(count == 1 for count in others.values())
    names: list[int | str] = []
    seen = Counter[tuple[str, int, int | str]]()
    for model in models:
        name: int | str = "file" if alone else str(model.path.parent)
        if model.run is not None:
            name = Run(model.run).manifest.seed
        seen[model.family, model.depth, name] += 1
        count = seen[model.family, model.depth, name]
        names.append(name if count == 1 else f"{name} ({count})")
    return names


def unfinished(manifest: Manifest) -> str:
    """Why the weights of a run are not those of its end; "" if they are."""
    if manifest.outcome == "finished":
        return ""
    done = f"after {manifest.steps} steps"
    words = {"running": "has not ended", "diverged": f"diverged {done}"}
    return f"the run {words.get(manifest.outcome, f'{manifest.outcome} {done}')}"


def _unfit(manifest: Manifest, *, reached: bool) -> str:
    """Why a run does not count; `reached`: another one reached the loss to stop at."""
    if reached and "reached" not in manifest.detail and not unfinished(manifest):
        return f"the run did not reach --stop-loss={manifest.options.get('stop_loss')}"
    return unfinished(manifest)


def _repeats(model: AnyModel, kept: Sequence[AnyModel], runs: Mapping[Path, Manifest]) -> str:
    """Which of the kept models this one repeats, in words; "" if none."""
    ours = runs.get(model.path)
    for other in kept:
        if (other.family, other.depth) != (model.family, model.depth):
            continue
        theirs = runs.get(other.path)
        if ours is None or theirs is None:
            if same_weights(model, other):
                return f"it holds the same weights as {other.path}"
        elif ours.seed == theirs.seed and step_of(model.path, ours) == step_of(other.path, theirs):
            return f"it repeats {other.path}, of the same depth and seed"
    return ""


def _check(runs: Mapping[Path, Manifest]) -> None:
    """Raise Usage if an option differs; one that a run does not know is younger than it."""
    known: dict[str, tuple[Path, Any]] = {}
    for path, manifest in runs.items():
        for name, value in _told(manifest).items():
            first, ours = known.setdefault(name, (path, value))
            if value != ours:
                what = spelled(name)
                raise not_repetitions(first, path, what, ours, value)


def _check_steps(models: Sequence[AnyModel], runs: Mapping[Path, Manifest]) -> None:
    """Raise Usage if one model was trained longer than another, as far as anything tells.

    Weights at the end of their runs belong together, whenever these ended. Files of no run are
    compared with others of their depth.
    """
    firsts: dict[object, tuple[Path, object, object]] = {}

    def compare(key: object, path: Path, value: object, shown: object) -> None:
        first, ours, written = firsts.setdefault(key, (path, value, shown))
        if value != ours:
            raise not_repetitions(first, path, "the step", written, shown)

    for model in sorted(models, key=lambda model: model.path not in runs):
        path, manifest = model.path, runs.get(model.path)
        step = step_of(path, manifest)
        if manifest is None:
            name, number = step_in_name(path)
            if number:
                compare((name, model.family), path, number, number)
            if step is not None:
                compare(model.depth, path, step, step)
        elif step is not None:
            at_end = step == manifest.steps
            compare(Run, path, "end" if at_end else step, f"{step} of {manifest.steps}")
            firsts.setdefault(model.depth, (path, step, step))


def _told(manifest: Manifest) -> dict[str, Any]:
    """What determines the weights of a run, beside seed and depth."""
    aside = (*VARYING, *PLACE, *RECORDING)
    options = effective_options(manifest.program, manifest.options)
    told = {name: value for name, value in options.items() if name not in aside}
    if "reached" in manifest.detail:
        told.pop("epochs", None)  # It ended at its --stop-loss, however many were allowed.
    # Points that are drawn depend on the seed.
    known = manifest.data and told.get("data") not in REGRESSIONS
    return told | ({"data checksum": manifest.data} if known else {})


def spelled(name: str) -> str:
    """An option as a label has it."""
    known = name in TrainOptions.model_fields
    return f"--{name.replace('_', '-')}" if known else f"the {name}"
