"""`resdepth limit`."""

from functools import partial
from typing import TYPE_CHECKING, Any

from resdepth.cli import console, signals
from resdepth.cli.console import aligned
from resdepth.cli.models import models_of
from resdepth.cli.parameters import command
from resdepth.cli.picture import finish, origin_of, output
from resdepth.options.base import AnalysisInvocation
from resdepth.options.limit import LimitOptions

if TYPE_CHECKING:
    from resdepth.analysis.limit import LimitTable
    from resdepth.analysis.pool import Pool


@command("limit")
def limit(options: LimitOptions, call: AnalysisInvocation) -> None:
    """Tell which limit weights and network approach as the depth L grows, seed by seed.

    The weights of each seed are separated into a trend and noise, with the depth beyond which the
    noise dominates the 2-variation. Interventions on the trained weights tell what the network's
    function sees of this noise: layers are replaced by their mean over a window, by a neighbour
    drawn at random, or shuffled within blocks, and the change of the last hidden state is measured.
    A permutation test tells whether the order of the layers matters.
    """
    out = output(options.out)
    paths, beta = models_of(options, call, "limit", 0.0)
    with signals.deferred():
        from resdepth.analysis.limit import limit_numbers, limit_table

    changes = _changes(options, paths, call)
    found = limit_table(paths, beta, changes)
    origin = origin_of(options, (file for path in paths for file in path.files))
    draw = None
    if found.function:
        from resdepth.figures.limit_plots import draw_limit

        draw = partial(draw_limit, found.function, options.columns)
    text = "\n".join(_lines(found))
    finish(draw, limit_numbers(found), out, origin, call, text=text, show=options.show)


def _changes(options: LimitOptions, paths: "Pool", call: AnalysisInvocation) -> Any:
    """The output changes of the runs among the sources as JSON has them; None without any."""
    own = [(path, path.run) for path in paths if path.run is not None and path.own]
    if not options.interventions or not own:
        return None
    from resdepth.probing.objectives import Source
    from resdepth.probing.output_changes import PASSES, function_changes
    from resdepth.records import plain
    from resdepth.runs.checkpoint import FOLDER
    from resdepth.runs.run import Run

    sources = []
    for path, folder in own:
        run = Run(folder)
        # An exported file has no read-in: that is in the newest checkpoint, with the same weights.
        given = path.source.absolute().parent.name == FOLDER
        sources.append(Source(run.recorded_options, path.source if given else run.newest))
    passes = PASSES + 5 * options.refine

    def announce(layers: int) -> None:
        cost = f"{passes} forward passes of {len(sources)} networks with {layers} layers in all"
        console.say(f"interventions: {cost}", quiet=call.quiet)

    return plain(
        function_changes(
            sources, options.seed, options.threads, refine=options.refine, announce=announce
        )
    )


def _lines(found: "LimitTable") -> list[str]:
    from resdepth.analysis.limit import (
        change_rows,
        function_rows,
        refinement_rows,
        seed_rows,
        sentences,
    )

    reason, kind = found.weights.reason, found.weights.verdict
    verdict = f"weights: {reason if reason.startswith(kind) else f'{kind}: {reason}'}"
    cautions = [f"caution: {text}" for text in found.weights.cautions]
    lines = [verdict, *cautions, *sentences(found), "", aligned(seed_rows(found))]
    if found.function:
        lines += ["", aligned(function_rows(found.function))]
        lines += ["", aligned(change_rows(found.function))]
        if found.function.refinements:
            lines += ["", aligned(refinement_rows(found.function))]
    return lines
