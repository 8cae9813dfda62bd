"""`resdepth spectrum`."""

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from resdepth.cli import console, signals
from resdepth.cli.parameters import command
from resdepth.cli.picture import finish, origin_of, output
from resdepth.cli.source import drawn_around
from resdepth.errors import ResdepthError, System
from resdepth.options.base import AnalysisInvocation
from resdepth.options.spectrum import SpectrumOptions

if TYPE_CHECKING:
    from resdepth.mathematics.lanczos import Search
    from resdepth.probing.hessian import Spectrum


@command("spectrum")
def spectrum(options: SpectrumOptions, call: AnalysisInvocation) -> None:
    """Compute the curvature of the training loss at trained weights.

    Prints the largest and smallest eigenvalues of the Hessian or the Gauss-Newton matrix with the
    norms of their residuals, the traces of both matrices in total and by layer, and the learning
    rate times the largest eigenvalue next to the edge of stability. All results are computed from
    exact products; estimates have a standard error or a band. The cost, in gradients, is printed
    first.
    """
    each: list[tuple[Path, ...]] = [(path,) for path in options.sources] or [()]
    around = [drawn_around(sources, "spectrum") for sources in each]
    folder = around[0][0] if len(around) == 1 else None
    out = output(options.out or (folder or Path()) / "spectrum.pdf")
    with signals.deferred():
        from resdepth.figures.spectra import draw_spectra
        from resdepth.probing import hessian
        from resdepth.probing.objectives import Source
        from resdepth.records import write_numbers

    console.route_warnings()
    sources = [Source(training, checkpoint) for _, training, checkpoint in around]
    origin = origin_of(options, [file for source in sources for file in source.files])
    found: list[Spectrum] = []
    for source in sources:
        announce = partial(console.say_cost, source.checkpoint, quiet=call.quiet)
        try:
            found.append(hessian.spectrum(source, options, announce))
        except ResdepthError as error:
            if source is sources[-1] and not found:
                raise
            console.warn(f"{source.checkpoint}: {error}; left out")
            continue
        numbers = found if sources[1:] else found[0]
        # Saved after each one: the next may take minutes, fail or be interrupted.
        with suppress(System):
            write_numbers(out.with_suffix(".json"), numbers, origin)
        if not call.json_:
            print("\n".join(lines(found[-1])), flush=True)
    draw = partial(draw_spectra, found, options.columns)
    finish(draw, numbers, out, origin, call, show=options.show)


def lines(found: "Spectrum") -> list[str]:
    """One spectrum in words."""
    trace = found.trace
    names = [f"lambda_{i + 1}" for i in range(len(found.top))]
    names += [f"lambda_{found.parameters - i}" for i in range(len(found.smallest))]
    values = zip(names, [*found.top, *found.smallest], found.residuals, strict=True)
    texts = [
        f"{found.checkpoint}: step {found.step}, L = {found.depth}, {found.parameters} parameters, "
        f"{found.samples} samples, {found.matrix}, {found.engine} in {found.dtype}",
        *(f"  {name} = {value:.8g}, residual {residual:.1g}" for name, value, residual in values),
        f"  tr H = {_estimate(trace.hessian, trace.hessian_error)}",
        f"  tr GN = {_estimate(trace.gauss_newton, trace.gauss_newton_error)}",
        f"  rate {found.rate:.6g} times lambda_1 = {found.rate_times_top:.4g}, "
        f"edge of stability {found.edge:g}",
        f"  {found.products} products; {completeness(found.search)}",
    ]
    if found.rounding:
        texts.append(
            f"  in {found.dtype} a product has a relative error of {found.rounding:.1g}, which "
            "the residuals do not contain; --dtype float64 avoids it"
        )
    return texts


def completeness(search: "Search | None") -> str:
    """How it is known that no copy of a multiple eigenvalue is missing."""
    if search is None:
        return "the whole matrix was diagonalised: no eigenvalue is missing"
    if not search.restarts:
        return "one eigenvalue per end: further copies of it were not searched for"
    return (
        f"{search.products} of them searched for further copies of multiple eigenvalues: restarts "
        f"{search.restarts}, copies found {search.found}"
    )


def _estimate(value: float, error: float) -> str:
    return f"{value:.6g} ± {error:.2g}" if error else f"{value:.6g} (exact)"
