"""The models that a `paths` command is about: ours, or those of others by a pattern of names."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resdepth.cli import console
from resdepth.cli.tables import aligned
from resdepth.errors import (
    Corrupt,
    Missing,
    ResdepthError,
    Usage,
)
from resdepth.options.paths import PathInvocation, PathOptions

if TYPE_CHECKING:
    from resdepth.analysis.measure import AnyModel
    from resdepth.analysis.pool import Pool
    from resdepth.weights.bundle import Bundle
    from resdepth.weights.names import Listed


def models_of(
    options: PathOptions, call: PathInvocation, command: str, unknown: float | None = None
) -> "tuple[Pool[AnyModel], float]":
    """The models that belong together and beta, `unknown` where no model belongs to a run.

    Raises
    ------
    Usage
        They are of others, and no pattern says which tensors are layers; those that look like
        layers are printed.
    """
    from resdepth.analysis.paths import common_beta
    from resdepth.analysis.pool import pooled

    console.route_warnings()
    found = _found(options, call, command)
    if all(model.family for model in found):
        # In the network of somebody else no exponent of L is natural.
        unknown = 0.0
    known = options.beta is not None or any(model.beta is not None for model in found)
    beta = common_beta(found, options.beta if known else unknown)
    pool = pooled(found, allow_mixed=options.allow_mixed)
    for line in pool.left_out:
        console.warn(line)
    console.say(f"{_counted(pool)}, beta = {beta:g}", quiet=call.quiet)
    return pool, beta


def _counted(models: "Sequence[AnyModel]") -> str:
    shown = ", ".join(str(depth) for depth in sorted({model.depth for model in models}))
    count = len({model.path for model in models})
    families = len({model.family for model in models})
    paths = f", {families} families" if families > 1 else ""
    return f"{count} model{'s' * (count > 1)}{paths} of depth {shown}"


def _found(options: PathOptions, call: PathInvocation, command: str) -> "Sequence[AnyModel]":
    from resdepth.weights.models import read_models
    from resdepth.weights.stored import stored_models

    sources, layers = options.sources, options.layer_range
    suffix = f".{options.ext.lstrip('.')}" if options.ext else ""
    for path in sources:
        if suffix and path.is_file() and suffix not in path.suffixes:
            reason, remedy = f"{path} has another extension", "leave it out"
            raise Usage("ext", reason, remedy)
    if options.pattern is not None:
        return stored_models(sources, options.pattern, layers, options.ext)
    try:
        found = read_models(sources, options.ext)
        if layers is not None:
            reason, remedy = "has no effect without --pattern", "leave it out"
            raise Usage("layers", reason, remedy)
        return found
    except Missing as error:
        return _others(options, call, command, error)


def _others(
    options: PathOptions, call: PathInvocation, command: str, error: ResdepthError
) -> "Sequence[AnyModel]":
    """Runs of `resnet-cifar` by the patterns they have; else what looks like layers is printed."""
    from resdepth.weights import stages
    from resdepth.weights.bundle import read_bundles
    from resdepth.weights.families import UNSCALED, quantised
    from resdepth.weights.names import layer_families
    from resdepth.weights.stored import family_models

    try:
        bundles = read_bundles(options.sources, options.ext)
    except Missing:
        raise error from None
    if all(stages.is_staged(bundle.tensors) for bundle in bundles):
        return family_models(bundles, stages.PATTERN, options.layer_range, set(options.sources))
    listed = [(bundle, layer_families(bundle.tensors)) for bundle in bundles]
    listed = [(bundle, rows) for bundle, rows in listed if rows]
    for bundle in bundles:
        if what := quantised(bundle):
            if not listed:
                raise Corrupt(bundle.path, what, UNSCALED)
            console.warn(f"{bundle.path}: {what}; not listed")
    if not listed:
        raise error
    _print(options.sources, listed, command, json=call.json_)
    first, rows = listed[0]
    count = len({row.pattern for _, rows in listed for row in rows})
    families = f"{count} {'family' if count == 1 else 'families'}"
    raise Usage(
        "pattern",
        f"is needed: {first.path} holds {families} of layers, which are listed above",
        _typed(command, options.sources, rows[0]),
    )


def _print(
    sources: Sequence[Path],
    listed: "Sequence[tuple[Bundle, Sequence[Listed]]]",
    command: str,
    *,
    json: bool,
) -> None:
    from resdepth.records import as_json

    if json:
        found = [{"path": bundle.path, "families": rows} for bundle, rows in listed]
        print(as_json({"checkpoints": found}))
        return
    for bundle, rows in listed:
        print(f"{bundle.path}: what looks like layers, and how to name it")
        cells = [["layers", "count", "shape", "dtype"]]
        for row in rows:
            shape = " x ".join(map(str, row.shape)) or "1"
            span = f"{row.first}-{row.last}"
            cells.append([span, str(row.count), shape, ", ".join(row.dtypes)])
        table = aligned(cells).splitlines()
        print(table[0])
        for line, row in zip(table[1:], rows, strict=True):
            print(f"{line}  {_flags(row)}")
    print(f"type, for example: {_typed(command, sources, listed[0][1][0])}")


def _flags(row: "Listed") -> str:
    layers = "" if row.whole else f" --layers {row.first}-{row.last}"
    return f"--pattern {shlex.quote(row.pattern)}{layers}"


def _typed(command: str, sources: Sequence[Path], row: "Listed") -> str:
    """The command line that looks at one family."""
    return f"resdepth {command} {shlex.join(map(str, sources))} {_flags(row)}"
