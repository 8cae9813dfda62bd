"""What second derivatives cost, in gradients of the whole loss."""

import math

from resdepth.engine.objective import DenseObjective, Objective
from resdepth.mathematics.spectrum import SMALL
from resdepth.options.spectrum import SpectrumOptions

EXACT = 64
"""Widest layers with exact traces; random probes are cheaper for wider ones."""
DENSE = 4_000
"""Matrices below this size are counted by diagonalisation, with one product per row."""
ARPACK_PRODUCTS = 40
"""Products that ARPACK typically takes for the eigenvalues at one end."""
SEARCH_PRODUCTS = 21
"""Least products of a search for missed copies, at each end of more than one eigenvalue."""
SINGLE = {False: 8 / 3, True: 5 / 3}
"""Gradients per product that is taken alone: of the Hessian, of the Gauss-Newton matrix."""
SHARED = {False: 2.1, True: 1.4}
"""The same for products that share their passes."""


def exact_traces(objective: Objective) -> bool:
    """Whether the traces of the layers are computed exactly."""
    return isinstance(objective, DenseObjective) and objective.network.width <= EXACT


def largest_asked(options: SpectrumOptions, size: int) -> int:
    """Number of the largest eigenvalues to compute: all of a matrix that is diagonalised."""
    return size if options.density and size < DENSE else options.top


def gradients(objective: Objective, options: SpectrumOptions) -> int:
    """Expected cost in gradients; how fast eigenvalues converge is not known in advance."""
    size, gauss_newton = objective.layout.size, options.gauss_newton
    wanted = largest_asked(options, size) + options.lowest
    together, alone = options.probes * (options.interaction or 0), 0
    if wanted >= size or size < SMALL:
        together += size + min(wanted, size)
    else:
        ends = 1 + (options.lowest > 0)
        searches = (options.top > 1) + (options.lowest > 1)
        alone += max(ARPACK_PRODUCTS, 2 * wanted) * ends + SEARCH_PRODUCTS * searches
        together += wanted + (options.probes * options.steps if options.density else 0)
    cost = together * SHARED[gauss_newton] + alone * SINGLE[gauss_newton]
    if isinstance(objective, DenseObjective) and exact_traces(objective):
        width = objective.network.width
        cost += 2 * (2 / 3) * (width + 1)
        # A dense block is one product (d^2, N)(N, d^2): 2 N d^4 operations besides 6 N d^2.
        cost += width**2 / 3 if options.blocks == "spectra" else 0.0
    else:
        cost += (SHARED[False] + SHARED[True]) * options.probes * (3 if options.blocks else 2)
    return math.ceil(cost)
