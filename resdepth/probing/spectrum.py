"""The curvature around trained weights: eigenvalues, counts, traces by layer, interaction."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from resdepth import html
from resdepth.cores import available_threads
from resdepth.engine.device import resolve_device
from resdepth.engine.objective import DenseObjective, Objective
from resdepth.errors import Usage
from resdepth.isolation import isolated
from resdepth.mathematics.counting import Counts, counts, measures
from resdepth.mathematics.lanczos import Eigenpairs, Product, Search, extreme_eigenpairs
from resdepth.mathematics.probes import interaction
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing.cost import exact_traces, gradients, largest_asked
from resdepth.probing.curvature import Curvature, LayerTraces, Traces, block_spectra
from resdepth.probing.objectives import Source, objective_of
from resdepth.probing.rounding import rounding
from resdepth.runs.checkpoint import read_checkpoint

Array = NDArray[np.float64]
Announce = Callable[[int], None]
"""Told the price in gradients before anything is computed."""

WIDEST_BLOCK = 32
"""Widest layers whose diagonal blocks are diagonalised."""
DECADES, POINTS = 6.0, 121
"""Range of |x| below the largest |eigenvalue| in which eigenvalues are counted, and its points."""


@dataclass(frozen=True)
class Spectrum:
    """What is known of the curvature around one checkpoint.

    `top` runs down from the largest eigenvalue, `smallest` up from the smallest; `residuals` are
    the norms of H v - lambda v of both in this order: an eigenvalue lies within one of each value.
    `search` says how copies of multiple eigenvalues were searched for; None if the whole matrix was
    diagonalised.
    `trace` and `layers` are of both matrices; `counts`, `spectra` (layers, width^2) and
    `interaction` (groups, groups) of `matrix`, None where they were not asked for.
    `rate_times_top` is the rate of the next update times the largest eigenvalue, `edge` what it
    should stay below for the descent to be stable: 2, or 2 (1 + momentum). `rounding` is how far a
    product in float32 is from float64's, relative to its norm, measured on the top eigenvector.
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
    source: Source, options: SpectrumOptions, announce: Announce = lambda price: None
) -> Spectrum:
    """The curvature around one checkpoint.

    Raises
    ------
    Usage
        `blocks` or `interaction` asks for what the network does not have.
    Impossible
        The eigenvalues at one end were not found.
    Impossible
        The loss has no second derivatives there.
    """
    torch.set_num_threads(options.threads or available_threads())
    training, checkpoint = source.training, read_checkpoint(source.checkpoint)
    device = resolve_device(options.device)
    objective, engine = objective_of(source, checkpoint, options, device)
    layers = list(objective.layout.layers().values())
    _check(objective, options, len(layers))
    announce(gradients(objective, options))
    curvature = Curvature(objective, source.checkpoint)
    product, size = curvature.of(options.gauss_newton), objective.layout.size
    pairs = _eigenpairs(product, options, size)
    by_layer = None
    if exact_traces(objective) or options.blocks:
        by_layer = curvature.layer_traces(options.probes, options.seed)
    trace = curvature.traces(by_layer, options.probes, options.seed)
    spectra = None
    if options.blocks == "spectra" and isinstance(objective, DenseObjective):
        spectra = block_spectra(objective, options.gauss_newton)
    vector = pairs.vectors[:1]
    top, lowest = pairs.values[: options.top], slice(options.lowest)
    return Spectrum(
        checkpoint=source.checkpoint,
        step=checkpoint.step,
        depth=training.depth if isinstance(training, ResnetCifarOptions) else len(layers),
        parameters=size,
        samples=objective.samples,
        matrix=options.matrix,
        engine=engine,
        dtype=options.dtype,
        seed=options.seed,
        loss=float(objective.scores(objective.centre[None]).loss[0]),
        top=top,
        smallest=pairs.values[::-1][lowest],
        residuals=np.concatenate([pairs.residuals[: len(top)], pairs.residuals[::-1][lowest]]),
        search=pairs.search,
        trace=trace,
        layers=by_layer,
        counts=_counts(product, options, pairs, size) if options.density else None,
        spectra=spectra,
        interaction=_interaction(product, options, layers, size),
        rate=checkpoint.lr,
        rate_times_top=checkpoint.lr * float(top[0]),
        edge=_edge(source),
        rounding=rounding(source, checkpoint, options, device, product, vector),
        products=curvature.products,
    )


def _check(objective: Objective, options: SpectrumOptions, layers: int) -> None:
    narrow = isinstance(objective, DenseObjective) and objective.network.width <= WIDEST_BLOCK
    if options.blocks == "spectra" and not narrow:
        raise Usage(
            "blocks=spectra",
            f"needs a fully connected network of width {WIDEST_BLOCK} or less",
            "`blocks=traces`",
        )
    estimates = options.density or options.interaction is not None or not exact_traces(objective)
    if options.probes != SpectrumOptions.model_fields["probes"].default and not estimates:
        raise Usage(
            "probes",
            "has no effect: the traces of this network are exact",
            "leave it out, or give `density` or `interaction`",
        )
    if options.interaction is not None and options.interaction > layers:
        raise Usage(
            "interaction", f"{options.interaction} groups of {layers} layers", f"at most {layers}"
        )


def _eigenpairs(product: Product, options: SpectrumOptions, size: int) -> Eigenpairs:
    top, lowest = largest_asked(options, size), options.lowest
    tolerance, seed = options.residual, options.seed
    return extreme_eigenpairs(product, size, top, lowest, tolerance=tolerance, seed=seed)


def _counts(product: Product, options: SpectrumOptions, pairs: Eigenpairs, size: int) -> Counts:
    """How many eigenvalues lie above x and at most x, on either side of zero."""
    known = pairs.values
    found = measures(
        product,
        size,
        probes=options.probes,
        steps=options.steps,
        known=pairs.vectors,
        seed=options.seed,
    )
    largest = max(np.abs(known).max(), *(np.abs(m.nodes).max(initial=0.0) for m in found)) or 1.0
    positive = np.geomspace(largest * 10.0**-DECADES, largest, POINTS)
    return counts(found, np.concatenate([-positive[::-1], positive]), size, known)


def _interaction(
    product: Product, options: SpectrumOptions, layers: list[slice], size: int
) -> Array | None:
    """Norms of the blocks between groups of consecutive layers, as even as can be."""
    if options.interaction is None:
        return None
    ends = np.linspace(0, len(layers), options.interaction + 1).round().astype(int)
    groups = [slice(layers[first].start, layers[end - 1].stop) for first, end in pairwise(ends)]
    return interaction(product, groups, size, probes=options.probes, seed=options.seed)


def _edge(source: Source) -> float:
    """Largest stable rate times curvature of gradient descent with the run's momentum."""
    training = source.training
    momentum = training.momentum if isinstance(training, ResnetCifarOptions) else 0.0
    return 2.0 * (1.0 + momentum)
