"""What a study consists of: axes, the options beside them, and a cell for each combination."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from resdepth.errors import Usage
from resdepth.options.base import flag_of
from resdepth.options.resolve import resolve
from resdepth.options.study import DEFAULTS, SINGLE
from resdepth.options.train import TrainOptions
from resdepth.studies.axes import COMMAND, spelled_out

ALWAYS = ("depth", "seed")
"""Axes of every study; more values can be added to them later."""
AUTO = "auto"
CELLS = "cells"


@dataclass(frozen=True)
class Cell:
    """One run of a study: its name, the values of the axes, all its options, its run folder."""

    name: str
    values: dict[str, Any]
    options: TrainOptions
    run: Path

    @property
    def cost(self) -> float:
        """What its training costs, up to a factor common to the study."""
        return float(self.options.depth * self.options.width**2 * self.options.epochs)


@dataclass(frozen=True)
class Probe:
    """The rate found where the plan says `auto`, for the axes' values in `where`."""

    where: dict[str, Any]
    depth: int
    seed: int
    tried: dict[float, bool]
    lr: float


@dataclass(frozen=True)
class Plan:
    """A study: `options` has everything that is no axis; `lr` may be "auto", see `probes`."""

    folder: Path
    axes: dict[str, tuple[Any, ...]]
    options: dict[str, Any]
    command: tuple[str, ...]
    probes: tuple[Probe, ...] = field(default=())

    @classmethod
    def of(cls, folder: Path, given: Mapping[str, Any], command: tuple[str, ...]) -> "Plan":
        """A new plan from options as the command line has them, None where not given.

        Raises
        ------
        Usage
            An option is wrong, or some cell's options do not fit together.
        """
        raw = DEFAULTS | {name: value for name, value in given.items() if value is not None}
        lists: dict[str, list[Any]] = {
            name: spelled_out(flag_of(TrainOptions, name), value)
            for name, value in raw.items()
            if name not in SINGLE and not isinstance(value, bool)
        }
        axes = {n: lists[n] for n in _ordered(lists) if n in ALWAYS or len(lists[n]) > 1}
        if AUTO in axes.get("lr", ()):
            reason = "'auto' finds a rate by itself; it is no value among others"
            raise Usage("lr", reason, "give it alone, or numbers")
        axes["depth"] = depths_of(axes["depth"])
        single = {n: lists[n][0] if n in lists else raw[n] for n in raw if n not in axes}
        draft = cls(folder, {n: tuple(v) for n, v in axes.items()}, single, command)
        return draft._settled()

    def _settled(self) -> "Plan":
        """The same with every value as the options have it, and all defaults written out."""
        chosen = [self._chosen(values) for values in self._combinations()]
        axes = {name: ascending([getattr(one, name) for one in chosen]) for name in self.axes}
        options = {n: v for n, v in chosen[0].recorded().items() if n not in axes}
        if self.options.get("lr") == AUTO:
            options["lr"] = AUTO
        exponent = self.options.get("lr_depth_exponent")
        options["lr_depth_exponent"] = None if exponent is None else float(exponent)
        depth = self.options.get("lr_depth") or middle(axes["depth"])
        options["lr_depth"] = None if options["lr_depth_exponent"] == 0 else int(depth)
        if options.get("init") == "fbm" and options.get("init_depth") is None:
            # One seed is one path at all depths: every cell starts from that of the deepest.
            options["init_depth"] = max(axes["depth"])
            check_start(axes["depth"], options["init_depth"])
        settled = replace(self, axes=axes, options=options)
        settled.cells()
        return settled

    @property
    def rate(self) -> float | None:
        """The base rate of all cells; None if there are several or none is found yet."""
        if self.options.get("lr") != AUTO:
            return self.options.get("lr")
        return self.probes[0].lr if len(self.probes) == 1 else None

    @property
    def rateless(self) -> bool:
        """Whether the learning rate is `auto` and the probe has not found it yet."""
        return self.options.get("lr") == AUTO and not self.probes

    def value(self, name: str) -> Any:
        """What the plan says of an option: one value, or those of its axis."""
        return self.axes[name] if name in self.axes else self.options[name]

    def cells(self) -> list[Cell]:
        """All cells; the rate is 1 as long as one is to be found."""
        found = []
        for values in self._combinations():
            name = "-".join(f"{axis}{value}" for axis, value in values.items())
            options = self._chosen(values)
            found.append(Cell(name, values, options, self.folder / CELLS / name))
        return found

    def spelled(self) -> dict[str, Any]:
        """The plan as options that `Plan.of` takes back."""
        axes = {name: ",".join(map(str, values)) for name, values in self.axes.items()}
        return self.options | axes

    def groups(self) -> list[dict[str, Any]]:
        """The combinations of all axes but depth and seed."""
        return _product({n: v for n, v in self.axes.items() if n not in ALWAYS})

    def _combinations(self) -> list[dict[str, Any]]:
        return _product(self.axes)

    def _chosen(self, values: Mapping[str, Any]) -> TrainOptions:
        wanted = {n: v for n, v in (self.options | dict(values)).items() if v is not None}
        if wanted.get("lr") == AUTO:
            wanted["lr"] = next((p.lr for p in self.probes if p.where.items() <= values.items()), 1)
        depth = wanted.pop("lr_depth", None) or middle(self.axes["depth"])
        # A draft has words; what the rule of the rate needs of them is asked of the options.
        draft = resolve(TrainOptions, _without_rule(wanted), command=COMMAND)
        exponent = wanted.pop("lr_depth_exponent", round(2 * draft.alpha - 1, 12))
        if float(exponent):
            wanted |= {"lr_depth_exponent": exponent, "lr_depth": depth}
        return resolve(TrainOptions, wanted, command=COMMAND)


def depths_of(words: Iterable[str]) -> list[int]:
    """Depths as the command line spells them, one per word.

    Raises
    ------
    Usage
        One is no number of layers.
    """
    return [resolve(TrainOptions, {"depth": word}, command=COMMAND).depth for word in words]


def middle(depths: tuple[Any, ...]) -> int:
    """The middle one of the depths of a plan."""
    return int(sorted(depths)[len(depths) // 2])


def ascending(values: Iterable[Any]) -> tuple[Any, ...]:
    """Each value once: numbers in ascending order, anything else as it comes."""
    once = tuple(dict.fromkeys(values))
    numbers = all(isinstance(value, (int, float)) for value in once)
    return tuple(sorted(once)) if numbers else once


def check_start(depths: Iterable[int], drawn: int, remedy: str = "") -> None:
    """Refuse depths that cannot start from the path of --init=fbm that is drawn at `drawn` layers.

    Raises
    ------
    Usage
        One is not `drawn` divided by a power of two.
    """
    halves = [drawn >> n for n in range(64) if drawn % (1 << n) == 0]
    if wrong := [str(depth) for depth in depths if depth not in halves]:
        reason = (
            f"{', '.join(wrong)} is not {drawn} divided by a power of two; with `init=fbm` all "
        )
        reason += f"depths start from one path, which is drawn at {drawn} layers"
        fitting = f"depths that fit: {', '.join(map(str, halves))}"
        raise Usage("depth", reason, remedy or fitting)


def _without_rule(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "lr_depth_exponent"}


def _ordered(names: Mapping[str, Any]) -> list[str]:
    return [name for name in TrainOptions.model_fields if name in names]


def _product(axes: Mapping[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
