"""What second derivatives cost, in gradients of the whole loss."""

import math

from resdepth.engine.objective import DenseObjective, Objective
from resdepth.mathematics.lanczos import SMALL
from resdepth.options.spectrum import SpectrumOptions

EXACT = 64
"""Widest layers whose traces are made exactly; beyond it probes are cheaper."""
DENSE = 4_000
"""Below this size eigenvalues are counted one by one: the whole matrix, one product a row."""
AN_END = 40
"""Products that ARPACK takes for the eigenvalues at one end, about."""
A_SEARCH = 21
"""Products of one search for missed copies, at least: one per end of more than one eigenvalue."""
ONE = {False: 8 / 3, True: 5 / 3}
"""Gradients in a product alone: of the Hessian, of the Gauss-Newton matrix."""
SHARED = {False: 2.1, True: 1.4}
"""The same where several share their passes."""


def exact_traces(objective: Objective) -> bool:
    """Whether the traces of the layers are made without a probe."""
    return isinstance(objective, DenseObjective) and objective.network.width <= EXACT


def largest_asked(options: SpectrumOptions, size: int) -> int:
    """Eigenvalues from the largest down; all of a matrix that is counted one by one."""
    return size if options.density and size < DENSE else options.top


def gradients(objective: Objective, options: SpectrumOptions) -> int:
    """Gradients that a spectrum takes, about: nobody knows how soon eigenvalues converge."""
    size, gauss_newton = objective.layout.size, options.gauss_newton
    ends = 1 + (options.lowest > 0)
    wanted = largest_asked(options, size) + options.lowest
    together, alone = 0, 0
    if wanted >= size or size < SMALL:
        together += size + min(wanted, size)
    else:
        searches = (options.top > 1) + (options.lowest > 1)
        alone += max(AN_END, 2 * wanted) * ends + A_SEARCH * searches
        together += wanted + (options.probes * options.steps if options.density else 0)
    together += options.probes * (options.interaction or 0)
    price = together * SHARED[gauss_newton] + alone * ONE[gauss_newton]
    if isinstance(objective, DenseObjective) and exact_traces(objective):
        width = objective.network.width
        price += 2 * (2 / 3) * (width + 1)
        # A dense block is one product (d^2, N)(N, d^2): 2 N d^4 operations beside 6 N d^2.
        price += width**2 / 3 if options.blocks == "spectra" else 0.0
    else:
        price += (SHARED[False] + SHARED[True]) * options.probes * (3 if options.blocks else 2)
    return math.ceil(price)
