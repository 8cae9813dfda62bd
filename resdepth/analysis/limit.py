"""The limit of an experiment: its weights seed by seed, its function, the order of its layers."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from resdepth import html
from resdepth.analysis.layer_orders import OrderTable, order_table
from resdepth.analysis.pool import Pool, seed_names
from resdepth.analysis.scaling import ScalingTable, model_scaling
from resdepth.mathematics import Array
from resdepth.mathematics.agreement import Agreement
from resdepth.mathematics.function_limit import FunctionLimit, function_limit, geometric_mean
from resdepth.mathematics.interval import UNKNOWN, Interval
from resdepth.mathematics.interventions import INTERVENTIONS
from resdepth.mathematics.limits import WeightsLimit
from resdepth.mathematics.slopes import PowerLaw, power_law


@dataclass(frozen=True)
class FunctionTable:
    """What the network's function sees: output changes, losses, and distances from L to 2L.

    `changes` (geometric means over draws), `losses` (added loss) and `distances` are
    (seeds, depths), NaN if missing; `distances` is |h(2L) - h(L)| / |h(L) - h_0|. `changes` and
    `losses` include the `refinements`, if they were evaluated.
    """

    limit: FunctionLimit
    depths: tuple[int, ...]
    seeds: tuple[int | str, ...]
    changes: Mapping[str, Array]
    losses: Mapping[str, Array]
    distances: Array
    laws: Mapping[int | str, PowerLaw]
    refinements: tuple[str, ...] = ()


@dataclass(frozen=True)
class LimitTable:
    """Everything about the limit of one experiment; `function` is None if nothing was run."""

    scaling: ScalingTable
    order: OrderTable | None
    function: FunctionTable | None = None

    @property
    def weights(self) -> WeightsLimit:
        """The verdict on the weights."""
        return self.scaling.verdict

    def _repr_html_(self) -> str:
        rows = seed_rows(self)
        return html.table(rows[0], rows[1:], f"{self.weights.verdict}: {self.weights.reason}")


def limit_table(
    models: Pool, beta: float = 0.0, changes: Mapping[str, Any] | None = None
) -> LimitTable:
    """The limit of the weights in `models`; `changes` has the output changes of its runs.

    They have the fields of `probing.output_changes.FunctionChanges`, as read from its .json.
    """
    return limit_of(model_scaling(models, beta), models, changes)


def limit_of(
    scaling: ScalingTable, models: Pool, changes: Mapping[str, Any] | None = None
) -> LimitTable:
    """The same from the scaling of `models`."""
    order = order_table(models, seed_names(models))
    function = _function(changes, scaling.verdict) if changes else None
    return LimitTable(scaling, order, function)


def _function(changes: Mapping[str, Any], weights: WeightsLimit) -> FunctionTable:
    cells = changes["cells"]
    seeds = tuple(dict.fromkeys(one["seed"] for one in cells))
    depths = tuple(sorted({one["depth"] for one in cells}))
    shape, names = (len(seeds), len(depths)), tuple(cells[0]["changes"])
    means, losses = ({name: np.full(shape, np.nan) for name in names} for _ in range(2))
    for one in cells:
        place = seeds.index(one["seed"]), depths.index(one["depth"])
        for name in names:
            means[name][place] = geometric_mean(np.asarray(one["changes"][name]))
            losses[name][place] = float(np.mean(one["losses"][name])) - one["loss"]
    distances = np.full(shape, np.nan)
    for one in changes["distances"]:
        distances[seeds.index(one["seed"]), depths.index(one["depth"])] = one["distance"]
    exact = np.array(depths, dtype=np.float64)
    participation = {
        name: weights.by_seed[name].exponents["pr"] if name in weights.by_seed else UNKNOWN
        for name in seeds
    }
    limit = function_limit(exact, means, seeds, participation)
    if others := sorted({one["augmentation"] for one in cells} - {"skip"}):
        reason = f"the slopes of `augmentation={others[0]}` are not known, only those of `skip`"
        limit = limit.undecided(reason)
    laws = {
        name: power_law(exact[there], row[None, there])
        for name, row in zip(seeds, distances, strict=True)
        if (there := np.isfinite(row)).any()
    }
    refined = tuple(name for name in names if name not in INTERVENTIONS)
    return FunctionTable(limit, depths, seeds, means, losses, distances, laws, refined)


def limit_numbers(found: LimitTable) -> dict[str, Any]:
    """The table as it is printed in JSON."""
    scaling, weights = found.scaling, found.weights
    name, test = weights.disagreement
    numbers: dict[str, Any] = {
        "weights": {
            "verdict": weights.verdict,
            "sentence": weights.reason,
            "agreement": {"exponent": name, **_test(test)},
            "agreements": {key: _test(value) for key, value in weights.agreement.items()},
            "by_seed": {
                str(seed): {
                    "verdict": one.verdict,
                    "reason": one.reason,
                    "exponents": one.exponents,
                    "noise_share": one.noise_share,
                    "crossover": one.crossover,
                    "noise_takes_over": one.noise_takes_over,
                    "growth": one.growth,
                    "hidden": one.hidden,
                    "parts": {
                        str(cell.statistics.depth): asdict(part)
                        for cell, part in zip(scaling.cells, scaling.parts, strict=True)
                        if cell.seed == seed
                    },
                }
                for seed, one in weights.by_seed.items()
            },
        },
    }
    if found.function:
        numbers["function"] = _function_numbers(found.function)
    if found.order:
        numbers["order"] = {
            **{key: getattr(found.order, key) for key in ("statistic", "p_value", "orders")},
            "paths": [
                {"depth": depth, "seed": seed}
                | {k: v for k, v in asdict(one).items() if k != "null"}
                | {"null_mean": one.null.mean()}
                for depth, seed, one in found.order.paths
            ],
        }
    return numbers


def _test(test: Agreement) -> dict[str, Any]:
    return {"statistic": test.statistic, "freedom": test.freedom, "p_value": test.p_value}


def _function_numbers(found: FunctionTable) -> dict[str, Any]:
    def by_depth(values: Array) -> dict[str, float]:
        return {str(n): float(x) for n, x in zip(found.depths, values, strict=True) if x == x}

    return {
        "verdict": found.limit.verdict,
        "sentence": found.limit.sentence,
        "by_seed": {
            str(seed): {
                "verdict": one.verdict,
                **{
                    name: {"slope": law.value, "low": law.low, "high": law.high}
                    for name, law in one.slopes.items()
                },
                "changes": {name: by_depth(rows[i]) for name, rows in found.changes.items()},
                "added_loss": {name: by_depth(rows[i]) for name, rows in found.losses.items()},
                "refinements": {
                    name: seed_law(found, name, i).exponent for name in found.refinements
                },
                "distances": by_depth(found.distances[i]),
                "distance": found.laws[seed].exponent if seed in found.laws else None,
            }
            for i, (seed, one) in enumerate(found.limit.by_seed.items())
        },
    }


def seed_rows(found: LimitTable) -> list[list[str]]:
    """One row per seed: what its weights approach, and the noise in them."""
    rows = [["seed", "weights", "beta", "q1", "rho", "H", "noise share", "crossover depth"]]
    for seed, one in found.weights.by_seed.items():
        shown = [str(one.exponents[name]) for name in ("beta", "q1", "rho", "hurst")]
        share = "-" if math.isnan(one.noise_share) else f"{100 * one.noise_share:.2g} %"
        rows.append([str(seed), one.verdict, *shown, share, depth_text(one.crossover)])
    return [[cell.replace("nan", "-") for cell in row] for row in rows]


def depth_text(found: Interval) -> str:
    """A depth with its interval; "never" if it is infinite."""
    if math.isnan(found.value):
        return "-"
    value, low, high = (_layers(x) for x in (found.value, found.low, found.high))
    return value if value == low == high or not low else f"{value} [{low}, {high}]"


def _layers(depth: float) -> str:
    if math.isnan(depth):
        return ""
    if depth > 1e9:
        return "never"
    return f"{depth:.0f}" if depth < 1e4 else f"{depth:.1e}"


def function_rows(found: FunctionTable) -> list[list[str]]:
    """One row per seed: verdict on the function, slopes of the three interventions."""
    rows = [["seed", "function", *INTERVENTIONS, "distance L to 2L"]]
    for seed, one in found.limit.by_seed.items():
        law = found.laws.get(seed)
        slopes = [str(one.slopes[name]) for name in INTERVENTIONS]
        rows.append([str(seed), one.verdict, *slopes, str(law.exponent) if law else "-"])
    return [[cell.replace("nan", "-") for cell in row] for row in rows]


def change_rows(found: FunctionTable) -> list[list[str]]:
    """One row per depth: output change of each intervention and added loss, ranges over seeds."""
    rows = [["L", *INTERVENTIONS, *(f"loss, {name}" for name in INTERVENTIONS), "L to 2L"]]
    for place, depth in enumerate(found.depths):
        columns = [found.changes[n][:, place] for n in INTERVENTIONS]
        columns += [found.losses[n][:, place] for n in INTERVENTIONS]
        columns += [found.distances[:, place]]
        rows.append([str(depth), *map(_range, columns)])
    return rows


def refinement_rows(found: FunctionTable) -> list[list[str]]:
    """One row per seed: slope of the output change at twice or half the depth, by rule."""
    rows = [["seed", *found.refinements]]
    for i, seed in enumerate(found.seeds):
        slopes = [str(seed_law(found, name, i).exponent) for name in found.refinements]
        rows.append([str(seed), *slopes])
    return [[cell.replace("nan", "-") for cell in row] for row in rows]


def seed_law(found: FunctionTable, name: str, seed: int) -> PowerLaw:
    """The power law of the output change `name` of the seed at place `seed`."""
    row = found.changes[name][seed]
    there = np.isfinite(row)
    return power_law(np.array(found.depths, dtype=np.float64)[there], row[None, there])


def _range(values: Array) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return "-"
    low, high = known.min(), known.max()
    return f"{low:.2g}" if low == high else f"{low:.2g} … {high:.2g}"


def sentences(found: LimitTable) -> Iterator[str]:
    """What is known of single seeds, the verdict on the function, and the order of the layers."""
    hidden = [(n, s) for n, s in found.weights.by_seed.items() if s.hidden]
    last = found.scaling.depths[-1]
    for name, one in hidden:
        where = depth_text(one.crossover)
        yield (
            f"seed {name} looks smooth up to L = {last}; its noise "
            f"({100 * one.noise_share:.2g} %) takes over at about L = {where}"
        )
    if found.function:
        yield f"function: {found.function.limit.verdict}: {found.function.limit.sentence}"
    if found.order:
        deepest = max(depth for depth, _, _ in found.order.paths)
        yield f"order of the layers at L = {deepest}: {found.order.sentence}"
