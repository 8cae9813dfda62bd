"""The critical scaling of untrained networks against the Hurst exponent of their weights."""

import numpy as np
from matplotlib.figure import Figure

from resdepth.figures import style
from resdepth.figures.axes import few_ticks
from resdepth.mathematics.critical import CriticalTable, limit

BRANCHES = {"res3": r"$V_k\,\sigma(W_k h)$", "skip": r"$\sigma(A_k h)$"}


@style.styled
def draw_critical(table: CriticalTable, columns: int = 1) -> Figure:
    """Estimates with their 95 % intervals, and the limit for L to infinity."""
    drawn = style.figure(columns, 2.4)
    axes = drawn.subplots()
    estimates, limits = style.categories(2)
    hursts = np.linspace(0.0, 1.0, 201)
    values = [limit(float(hurst), table.structure, table.activation) for hurst in hursts]
    axes.plot(hursts, values, color=limits, label=rf"$L\to\infty$: {_formula(table)}", zorder=1)
    found = [estimate.beta for estimate in table.estimates]
    axes.errorbar(
        [estimate.hurst for estimate in table.estimates],
        [beta.value for beta in found],
        yerr=[
            [beta.value - beta.low for beta in found],
            [beta.high - beta.value for beta in found],
        ],
        fmt="o",
        color=estimates,
        elinewidth=0.8,
        capsize=2,
        label=f"$L = {table.depths[0]}$ … ${table.depths[-1]}$, {table.draws} draws",
        zorder=2,
    )
    axes.set_xlabel("Hurst exponent $H$ of the weights")
    axes.set_ylabel(r"critical $\beta$")
    axes.set_xlim(0.0, 1.0)
    few_ticks(axes.xaxis, axes.yaxis)
    title = rf"{BRANCHES[table.structure]}, {table.activation}, $d = {table.width}$"
    axes.legend(title=title, loc="best", alignment="left")
    return drawn


def _formula(table: CriticalTable) -> str:
    """The limit in mathematical type."""
    above = limit(0.95, table.structure, table.activation)
    known = {1.0: "$1$", 0.95: r"$\max(\frac{1}{2}, H)$"}
    return known.get(above, r"$\max(\frac{1}{2}, 2H-1)$")
