"""Which runs are repetitions of one experiment: the same options but for seed, depth and place."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from resdepth.analysis.measure import AnyModel, M
from resdepth.errors import AnalysisImpossible, RunsDiffer
from resdepth.options.aside import PLACE, RECORDING
from resdepth.options.programs import effective_options
from resdepth.options.train import REGRESSIONS, TrainOptions
from resdepth.runs.manifest import Manifest
from resdepth.runs.run import Run

V = TypeVar("V")
VARYING = ("seed", "depth")
"""What runs of one experiment may differ in."""
MIXED = "--allow-mixed takes them all the same"


@dataclass(frozen=True)
class Pool(Generic[M]):
    """The models that belong together; a line about each that was left out, or would have been."""

    models: tuple[M, ...]
    left_out: tuple[str, ...]


def pooled(models: Sequence[M], *, allow_mixed: bool = False) -> Pool[M]:
    """The models that are repetitions of one experiment, depth by depth.

    Files that belong to no run are taken as they are. Runs that diverged or did not finish are left
    out where others are there, and so is what repeats a run of the same options, depth and seed.

    Raises
    ------
    RunsDiffer
        Two runs differ in an option that is neither seed nor depth nor place.
    AnalysisImpossible
        Nothing is left.
    """
    files = {model.path for model in models}
    runs = {model.path: Run(model.run).manifest for model in models if model.run is not None}
    if not allow_mixed:
        _check(runs)
    kept, left_out = list[M](), list[str]()
    seen: dict[tuple[str, int, int], AnyModel] = {}
    for model in models:
        manifest = runs.get(model.path)
        reason = "" if manifest is None else _unfit(manifest, model, seen)
        if reason and not allow_mixed and len(files) > 1:
            left_out.append(f"{model.path}: left out: {reason}")
            continue
        if reason:
            left_out.append(f"{model.path}: {reason}")
        kept.append(model)
    if not kept:
        raise AnalysisImpossible(
            path=models[0].path, reason=f"of {len(files)} runs none finished", remedy=MIXED
        )
    return Pool(tuple(kept), tuple(dict.fromkeys(left_out)))


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


def _unfit(manifest: Manifest, model: AnyModel, seen: dict[tuple[str, int, int], AnyModel]) -> str:
    if manifest.outcome != "finished":
        done = f"after {manifest.steps} steps"
        words = {"running": "has not ended", "diverged": f"diverged {done}"}
        return f"the run {words.get(manifest.outcome, f'{manifest.outcome} {done}')}"
    first = seen.setdefault((model.family, model.depth, manifest.seed), model)
    return "" if first is model else f"it repeats {first.path}, of the same depth and seed"


def _check(runs: Mapping[Any, Manifest]) -> None:
    paths = list(runs)
    for other in paths[1:]:
        ours, theirs = _told(runs[paths[0]]), _told(runs[other])
        for name in _differing(ours, theirs):
            raise RunsDiffer(
                first=paths[0],
                second=other,
                what=spelled(name),
                ours=ours.get(name),
                theirs=theirs.get(name),
            )


def _differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterable[str]:
    # What only one of them knows (an option, a checksum) is younger than the other.
    return (name for name in ours if name in theirs and ours[name] != theirs[name])


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
