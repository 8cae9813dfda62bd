"""Losses against the rate with a known best rate: the oracle of `transfer`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from resdepth.mathematics import Array
from resdepth.mathematics.transfer import RateCurve

DEPTHS = (8, 16, 32, 64, 128)
SHAPES: dict[str, Callable[[Array], Array]] = {
    # Curvature .08 below and .14 above the optimum; smooth ones with a steep right side.
    "two parabolas": lambda x: np.where(x < 0, 0.08, 0.14) * x * x,
    "exponential": lambda x: 0.1 * (np.exp(0.5 * x) - 0.5 * x - 1) * 8 / 2,
    "symmetric": lambda x: 0.1 * x * x,
}


@dataclass(frozen=True)
class Design:
    """An experiment: best rate 2^start L^exponent at L = 8, grid of `factor`, noise."""

    exponent: float = 0.0
    shape: str = "two parabolas"
    noise: float = 0.02  # of the loss, of each run
    shift: float = 0.2  # of a seed's optimum at all depths, in octaves
    jitter: float = 0.02  # of a seed's optimum at each depth
    seeds: int = 5
    depths: Sequence[int] = DEPTHS
    octaves: tuple[float, float] = (-6.0, 10.0)  # grid, relative to the best rate at L = 8
    factor: float = 2.0
    wall: float = 3.2  # octaves above the optimum beyond which runs diverge
    missing: float = 0.0  # share of missing rows
    unlucky: float = 0.0  # share of runs that diverge by chance
    unequal: bool = False  # noise grows with depth, up to three times

    def curves(self, random: np.random.Generator) -> list[RateCurve]:
        """One experiment."""
        start = random.uniform(-0.5, 0.5)
        step = np.log2(self.factor)
        grid = np.arange(self.octaves[0], self.octaves[1] + 1e-9, step)
        seeds = random.normal(0, self.shift, self.seeds)
        found = []
        for place, depth in enumerate(self.depths):
            best = start + self.exponent * np.log2(depth / self.depths[0])
            own = best + seeds + random.normal(0, self.jitter, self.seeds)
            x = grid[None] - own[:, None]
            noise = self.noise * (1 + self.unequal * place / 2)
            values = 1.0 - 0.05 * place + SHAPES[self.shape](x) + random.normal(0, noise, x.shape)
            values[(x > self.wall) | (random.random(x.shape) < self.unlucky)] = np.inf
            values[random.random(x.shape) < self.missing] = np.nan
            kept = ~np.isnan(values).all(0)
            values = values[:, kept]
            names = tuple(range(self.seeds))
            found.append(RateCurve(depth, 2.0 ** grid[kept], names, values, np.isinf(values)))
        return found
