"""What a study consists of: a program, axes, further options, and a cell for each combination."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ConfigDict

from resdepth.errors import Usage
from resdepth.options.base import Options
from resdepth.options.programs import PROGRAMS
from resdepth.options.resolve import resolve
from resdepth.options.study import DEFAULTS, SINGLE
from resdepth.studies.ranges import COMMAND, spelled_out

ALWAYS = ("depth", "seed")
"""Axes of every study; more values can be added to them later."""
AUTO = "auto"
TRAIN = "train"
CELLS = "cells"


@dataclass(frozen=True)
class Cell:
    """One run of a study: the values of the axes, all options, the run folder."""

    name: str
    values: dict[str, Any]
    options: Any
    run: Path

    @property
    def cost(self) -> float:
        """The work of its training, up to a factor that all cells of a program share."""
        return float(
            self.options.depth * getattr(self.options, "width", 1) ** 2 * self.options.epochs
        )


@dataclass(frozen=True)
class Probe:
    """The rate found for `lr=auto` at the axes' values in `where`."""

    where: dict[str, Any]
    depth: int
    seed: int
    tried: dict[float, bool]
    lr: float


@dataclass(frozen=True)
class Plan:
    """A study of `program`.

    `options` are those that are not axes; `lr` may be "auto", see `probes`. `runs` has the folders,
    relative to `folder`, of cells that do not lie in `cells/`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    folder: Path
    axes: dict[str, tuple[Any, ...]]
    options: dict[str, Any]
    command: tuple[str, ...]
    probes: tuple[Probe, ...] = ()
    program: str = TRAIN
    runs: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        folder: Path,
        given: Mapping[str, Any],
        command: Sequence[str],
        strict: Collection[str] = (),
    ) -> "Plan":
        """A new plan from options as the command line has them, None for those not given.

        The `strict` ones are refused if they have no effect in a cell; others are dropped. Raises
        Usage if an option is wrong, or the options of some cell do not fit together.
        """
        words = {name: value for name, value in given.items() if value is not None}
        program = words.pop("program", TRAIN)
        known = PROGRAMS[program].fields()
        raw = DEFAULTS[program] | PROGRAMS[program].renamed(words)
        if foreign := [name for name in raw if name not in known]:
            raise Usage(foreign[0], f"has no effect with `program={program}`", "leave it out")
        if "start_from" in raw:
            reason = "is not available in a study: all seeds would start from the same weights"
            raise Usage("start_from", reason, "train each run with 'resdepth train'")
        lists: dict[str, list[Any]] = {
            name: spelled_out(name, value)
            for name, value in raw.items()
            if name not in SINGLE and not isinstance(value, bool)
        }
        ordered = [name for name in known if name in lists]
        axes = {n: lists[n] for n in ordered if n in ALWAYS or len(lists[n]) > 1}
        if AUTO in axes.get("lr", ()):
            reason = "'auto' cannot be one of several values"
            raise Usage("lr", reason, "give either auto or numbers")
        single = {n: lists[n][0] if n in lists else raw[n] for n in raw if n not in axes}
        if program == TRAIN:
            axes["depth"] = depths_of(axes["depth"])
        elif single.get("lr") == AUTO:
            raise Usage("lr=auto", f"is not available with `program={program}`", "give a number")
        draft = {n: tuple(v) for n, v in axes.items()}
        return cls(folder, draft, single, tuple(command), program=program)._settled(strict)

    def _settled(self, strict: Collection[str]) -> "Plan":
        """The same with typed values and all defaults written out."""
        chosen = [self._chosen(values, strict) for values in product(self.axes)]
        axes = {name: ascending([one.flat()[name] for one in chosen]) for name in self.axes}
        options = {n: v for n, v in chosen[0].recorded().items() if n not in axes}
        if self.program == TRAIN:
            # A plan has its own rule of the rate.
            text = self.options.get("lr_depth_exponent")
            exponent = None if text is None else float(text)
            depth = int(self.options.get("lr_depth") or middle(axes["depth"]))
            options["lr_depth_exponent"] = exponent
            options["lr_depth"] = None if exponent == 0 else depth
            if self.options.get("lr") == AUTO:
                options["lr"] = AUTO
            if options.get("init") == "fbm" and options.get("init_depth") is None:
                # One seed is one path at all depths: every cell starts from that of the deepest.
                options["init_depth"] = max(axes["depth"])
                check_start(axes["depth"], options["init_depth"])
        settled = replace(self, axes=axes, options=options)
        settled.cells()
        return settled

    @property
    def model(self) -> type[Options]:
        """The options class of the program."""
        return PROGRAMS[self.program]

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
        """The value of an option, or those of its axis."""
        return self.axes[name] if name in self.axes else self.options[name]

    def cells(self) -> list[Cell]:
        """All cells; the rate is 1 as long as it has not been found."""
        found = []
        for values in product(self.axes):
            name = "-".join(f"{axis}{value}" for axis, value in values.items())
            run = self.folder / self.runs.get(name, f"{CELLS}/{name}")
            found.append(Cell(name, values, self._chosen(values), run))
        return found

    def spelled(self) -> dict[str, Any]:
        """The plan as options that `Plan.of` takes back."""
        axes = {name: ",".join(map(str, values)) for name, values in self.axes.items()}
        return {"program": self.program} | self.options | axes

    def _chosen(self, values: Mapping[str, Any], strict: Collection[str] = ()) -> Any:
        """The options of the cell with these values."""
        wanted = {n: v for n, v in (self.options | dict(values)).items() if v is not None}
        lenient = wanted.keys() - set(strict)
        if self.program != TRAIN:
            return resolve(self.model, wanted, command=COMMAND, lenient=lenient)
        if wanted.get("lr") == AUTO:
            wanted["lr"] = next((p.lr for p in self.probes if p.where.items() <= values.items()), 1)
        depth = wanted.pop("lr_depth", None) or middle(self.axes["depth"])
        given = wanted.pop("lr_depth_exponent", None)
        # The values are still words; alpha as a number comes from the options.
        draft: Any = resolve(self.model, wanted, command=COMMAND, lenient=lenient)
        exponent = round(2 * draft.alpha - 1, 12) if given is None else given
        if float(exponent):
            wanted |= {"lr_depth_exponent": exponent, "lr_depth": depth}
        return resolve(self.model, wanted, command=COMMAND, lenient=lenient)


def depths_of(words: Iterable[str]) -> list[int]:
    """Depths as the command line spells them, one per word; raises Usage if one is wrong."""
    return [PROGRAMS[TRAIN].parsed("depth", word) for word in words]


def middle(depths: tuple[Any, ...]) -> int:
    """The middle one of the depths of a plan."""
    return int(sorted(depths)[len(depths) // 2])


def ascending(values: Iterable[Any]) -> tuple[Any, ...]:
    """Each value once: numbers in ascending order, anything else in the given order."""
    once = tuple(dict.fromkeys(values))
    numbers = all(isinstance(value, (int, float)) for value in once)
    return tuple(sorted(once)) if numbers else once


def check_start(depths: Iterable[int], drawn: int, remedy: str = "") -> None:
    """Raise Usage unless all depths are `drawn`, the one of `init=fbm`, over a power of two."""
    halves = [drawn >> n for n in range(64) if drawn % (1 << n) == 0]
    if wrong := [str(depth) for depth in depths if depth not in halves]:
        reason = (
            f"{', '.join(wrong)} is not {drawn} divided by a power of two; with `init=fbm` all "
            f"depths start from one path, which is drawn at {drawn} layers"
        )
        fitting = f"depths that fit: {', '.join(map(str, halves))}"
        raise Usage("depth", reason, remedy or fitting)


def product(axes: Mapping[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Every combination of the values of the axes."""
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
