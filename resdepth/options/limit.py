"""Options of `resdepth limit`."""

from pathlib import Path
from typing import ClassVar

from resdepth.options.base import PER_CORE, option
from resdepth.options.fields import Needs, needs
from resdepth.options.paths import PathOptions


class LimitOptions(PathOptions):
    """`limit`."""

    NEEDS: ClassVar[dict[str, Needs]] = {
        "refine": needs("interventions", True),
        "seed": needs("interventions", True),
        "threads": needs("interventions", True),
        "columns": needs("interventions", True),
        "show": needs("interventions", True),
    }

    beta: float | None = option(
        None,
        "exponent of the scaling L^beta of the 2-variation norm",
        default_text="1 - alpha of the runs, 0 for a pattern and for files of no run",
    )
    interventions: bool = option(
        True, "evaluate the networks with smoothed, resampled and shuffled layers"
    )
    refine: bool = option(
        False, "evaluate the networks at twice and half their depth", flags=("--refine",)
    )
    seed: int = option(0, "seed of the random interventions", ge=0, lt=2**63)
    threads: int | None = option(None, "CPU threads", default_text=PER_CORE, ge=1)
    columns: int = option(2, "width of the figure in columns of a paper", ge=1, le=2)
    out: Path = option(Path("limit.pdf"), "figure to write (.pdf, .svg or .png)")
