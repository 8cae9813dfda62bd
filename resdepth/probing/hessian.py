"""Second derivatives of the loss at trained weights: eigenvalues, counts, traces, interaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from resdepth import html
from resdepth.engine.objective import DenseObjective, Objective
from resdepth.errors import Usage
from resdepth.isolation import isolated
from resdepth.mathematics import Array
from resdepth.mathematics.lanczos import Eigenpairs, Product, Search, extreme_eigenpairs
from resdepth.mathematics.probes import Counts, counts, interaction, measures
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing.objectives import Source, centre_of
from resdepth.probing.products import (
    HessianProducts,
    LayerTraces,
    Traces,
    exactly_traced,
    gradients,
    largest_asked,
    rounding,
)
from resdepth.records import write_numbers
from resdepth.runs.provenance import provenance
from resdepth.runs.run import Run

Announce = Callable[[int], None]
"""Receives the expected cost in gradients before anything is computed."""

WIDEST_BLOCK = 32
"""Widest layers whose diagonal blocks are diagonalised."""
DECADES, POINTS = 6.0, 121
"""Range of |x| below the largest |eigenvalue| in which eigenvalues are counted, and its points."""


@dataclass(frozen=True)
class Spectrum:
    """The curvature of the loss at one checkpoint.

    `top` descends from the largest eigenvalue, `smallest` ascends from the smallest; `residuals`
    are the norms of H v - lambda v of both in this order: an eigenvalue lies within each of them.
    `search` describes the search for copies of multiple eigenvalues, None if the whole matrix was
    diagonalised. `trace` and `layers` are of both matrices; `counts`, `spectra` (layers, width^2)
    and `interaction` (groups, groups) of `matrix`, None unless requested. `rate_times_top` is the
    rate of the next update times the largest eigenvalue; gradient descent is stable while it is
    below `edge`, 2 or 2 (1 + momentum). `rounding` is the relative error of a product in float32.
    """

    checkpoint: Path
    step: int
    depth: int
    parameters: int
    samples: int
    matrix: str
    engine: str
    dtype: str
    seed: int
    loss: float
    top: Array
    smallest: Array
    residuals: Array
    search: Search | None
    trace: Traces
    layers: LayerTraces | None
    products: int
    rate: float
    rate_times_top: float
    edge: float
    rounding: float
    counts: Counts | None
    spectra: Array | None
    interaction: Array | None

    def _repr_html_(self) -> str:
        values = np.concatenate([self.top, self.smallest])
        pairs = zip(values.tolist(), self.residuals.tolist(), strict=True)
        caption = f"{self.matrix} at step {self.step}, L = {self.depth}"
        return html.table(("eigenvalue", "residual"), pairs, caption)


@isolated()
def spectrum(
    source: Source, options: SpectrumOptions, announce: Announce = lambda cost: None
) -> Spectrum:
    """Compute the spectrum at one checkpoint.

    Raises Usage if the network does not have the requested `blocks` or `interaction`, Impossible if
    eigenvalues were not found or the loss has no second derivatives there.
    """
    centre = centre_of(source, options)
    training, objective = source.training, centre.objective
    layers = list(objective.layout.layers().values())
    _check(objective, options, len(layers))
    announce(gradients(objective, options))
    products = HessianProducts(objective, source.checkpoint)
    product, size = products.of(options.gauss_newton), objective.layout.size
    wanted = largest_asked(options, size), options.lowest
    pairs = extreme_eigenpairs(
        product, size, *wanted, tolerance=options.residual, seed=options.seed
    )
    trace, by_layer = products.traces(bool(options.blocks), options.probes, options.seed)
    spectra = None
    if options.blocks == "spectra" and isinstance(objective, DenseObjective):
        blocks = objective.layer_blocks(options.gauss_newton)
        rows = [np.linalg.eigvalsh(block.cpu().double().numpy())[::-1] for block in blocks]
        spectra = np.stack(rows[::-1])
    convolution = training if isinstance(training, ResnetCifarOptions) else None
    top, lowest = pairs.values[: options.top], slice(options.lowest)
    rate = centre.checkpoint.lr
    return Spectrum(
        checkpoint=source.checkpoint,
        step=centre.checkpoint.step,
        depth=convolution.depth if convolution else len(layers),
        parameters=size,
        samples=objective.samples,
        matrix=options.matrix,
        engine=centre.engine,
        dtype=options.dtype,
        seed=options.seed,
        loss=float(objective.scores(objective.centre[None])[0, 0]),
        top=top,
        smallest=pairs.values[::-1][lowest],
        residuals=np.concatenate([pairs.residuals[: len(top)], pairs.residuals[::-1][lowest]]),
        search=pairs.search,
        trace=trace,
        layers=by_layer,
        counts=_counts(product, options, pairs, size) if options.density else None,
        spectra=spectra,
        interaction=_interaction(product, options, layers, size),
        rate=rate,
        rate_times_top=rate * float(top[0]),
        edge=2.0 * (1.0 + (convolution.momentum if convolution else 0.0)),
        rounding=rounding(centre, options, product, pairs.vectors[:1]),
        products=products.products,
    )


def write(
    run: Run,
    options: SpectrumOptions,
    path: Path,
    command: Sequence[str] = ("resdepth.spectrum",),
    announce: Announce = lambda cost: None,
) -> Spectrum:
    """Write the spectrum at the newest weights of `run` to `path`, as `resdepth spectrum` does.

    Raises Missing if the run has no checkpoint, System if `path` cannot be written.
    """
    source = Source.of(run)
    found = spectrum(source, options, announce)
    write_numbers(path, found, provenance(command, options, source.files))
    return found


def _check(objective: Objective, options: SpectrumOptions, layers: int) -> None:
    narrow = isinstance(objective, DenseObjective) and objective.network.width <= WIDEST_BLOCK
    if options.blocks == "spectra" and not narrow:
        what = f"needs a fully connected network of width {WIDEST_BLOCK} or less"
        raise Usage("blocks=spectra", what, "`blocks=traces`")
    estimates = options.density or options.interaction is not None or not exactly_traced(objective)
    if options.probes != SpectrumOptions.model_fields["probes"].default and not estimates:
        what = "has no effect: the traces of this network are exact"
        raise Usage("probes", what, "leave it out, or give `density` or `interaction`")
    if options.interaction is not None and options.interaction > layers:
        what = f"{options.interaction} groups of {layers} layers"
        raise Usage("interaction", what, f"at most {layers}")


def _counts(product: Product, options: SpectrumOptions, pairs: Eigenpairs, size: int) -> Counts:
    """How many eigenvalues lie above x and at most x, on either side of zero."""
    draws = {"probes": options.probes, "steps": options.steps, "seed": options.seed}
    found = measures(product, size, known=pairs.vectors, **draws)
    nodes = (np.abs(measure.nodes).max(initial=0.0) for measure in found)
    largest = max(np.abs(pairs.values).max(), *nodes) or 1.0
    positive = np.geomspace(largest * 10.0**-DECADES, largest, POINTS)
    return counts(found, np.concatenate([-positive[::-1], positive]), size, pairs.values)


def _interaction(
    product: Product, options: SpectrumOptions, layers: list[slice], size: int
) -> Array | None:
    """Norms of the blocks between groups of consecutive layers, as equal as possible."""
    if options.interaction is None:
        return None
    ends = np.linspace(0, len(layers), options.interaction + 1).round().astype(int)
    groups = [slice(layers[first].start, layers[end - 1].stop) for first, end in pairwise(ends)]
    return interaction(product, groups, size, probes=options.probes, seed=options.seed)
