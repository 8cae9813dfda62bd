"""The weight paths of a `paths` command, or the families that a pattern can select."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from resdepth.cli import console
from resdepth.cli.console import aligned
from resdepth.errors import Usage
from resdepth.options.base import AnalysisInvocation
from resdepth.options.paths import PathOptions

if TYPE_CHECKING:
    from resdepth.analysis.pool import Pool
    from resdepth.weights.bundle import Bundle
    from resdepth.weights.families import Listed
    from resdepth.weights.weight_path import WeightPath


def models_of(
    options: PathOptions, call: AnalysisInvocation, command: str, unknown: float | None = None
) -> "tuple[Pool, float]":
    """The paths that belong together, and beta; `unknown` if no path belongs to a run.

    For other programs' checkpoints without a pattern, prints their families and raises Usage.
    """
    from resdepth.analysis.pool import paths_of
    from resdepth.weights.families import PatternNeeded

    console.route_warnings()
    suffix = f".{options.ext.lstrip('.')}" if options.ext else ""
    for path in options.sources:
        if suffix and path.is_file() and suffix not in path.suffixes:
            raise Usage("ext", f"{path} has another extension", "leave it out")
    try:
        pool = paths_of(
            options.sources,
            options.pattern,
            layers=options.layer_range,
            extension=options.ext,
            allow_mixed=options.allow_mixed,
        )
    except PatternNeeded as error:
        sources, row = shlex.join(map(str, options.sources)), error.families[0][1][0]
        first = f"resdepth {command} {sources} {_flags(row)}"
        _print(error.families, first, json=call.json_)
        raise Usage(error.where, f"{error.what}, which are listed above", first) from None
    beta = common_beta(pool, options.beta, unknown)
    for line in pool.left_out:
        console.warn(line)
    console.say(f"{_counted(pool)}, beta = {beta:g}", quiet=call.quiet)
    return pool, beta


def common_beta(
    paths: "Sequence[WeightPath]", beta: float | None, unknown: float | None = None
) -> float:
    """`beta` if it is given, else that of all runs; 0 for families of other programs.

    `unknown` is used if no path belongs to a run. Raises Usage if beta is unknown or not unique.
    """
    known = {path.beta for path in paths}
    if beta is None and not any(path.own for path in paths):
        beta = 0.0
    elif beta is None and known == {None}:
        beta = unknown
    if beta is not None:
        return beta
    first = paths[0]
    for path in paths:
        if path.beta is None:
            raise Usage("beta", f"is needed: {path.source} belongs to no run", "beta = 1 - alpha")
        if path.beta != first.beta:
            what = f"{first.source} has {first.beta:g}, {path.source} has {path.beta:g}"
            raise Usage("beta", f"is needed: {what}", "give one value for all of them")
    return first.beta or 0.0


def _counted(paths: "Sequence[WeightPath]") -> str:
    depths = ", ".join(str(depth) for depth in sorted({path.depth for path in paths}))
    count = len({path.source for path in paths})
    families = len({path.family for path in paths})
    more = f", {families} families" if families > 1 else ""
    return f"{count} model{'s' * (count > 1)}{more} of depth {depths}"


def _print(
    families: "Sequence[tuple[Bundle, Sequence[Listed]]]", example: str, *, json: bool
) -> None:
    from resdepth.records import as_json

    if json:
        found = [{"path": bundle.path, "families": rows} for bundle, rows in families]
        print(as_json({"checkpoints": found}))
        return
    for bundle, rows in families:
        print(f"{bundle.path}: families of layers, and how to select them")
        cells = [["layers", "count", "shape", "dtype"]]
        for row in rows:
            shape = " x ".join(map(str, row.shape)) or "1"
            cells.append([f"{row.first}-{row.last}", str(row.count), shape, ", ".join(row.dtypes)])
        ends = ["", *(f"  {_flags(row)}" for row in rows)]
        for line, end in zip(aligned(cells).splitlines(), ends, strict=True):
            print(line + end)
    print(f"type, for example: {example}")


def _flags(row: "Listed") -> str:
    layers = "" if row.whole else f" --layers {row.first}-{row.last}"
    return f"--pattern {shlex.quote(row.pattern)}{layers}"
