"""Options of `resdepth transfer`."""

from pathlib import Path
from typing import Literal

from resdepth.errors import Usage
from resdepth.options.base import Options, option

READ = ("depth", "lr", "seed", "loss", "steps")
"""Columns that a table may have."""


class TransferOptions(Options):
    """`transfer`."""

    sources: tuple[Path, ...] = option(
        ...,
        "studies, folders of runs, or tables of other programs (.csv, .json, .parquet)",
        positional=True,
        min_length=1,
    )
    columns: str | None = option(
        None,
        "names of the columns of a table, as in depth=n_layer,lr=learning_rate,loss=val/loss; "
        "also seed and steps",
        default_text="depth, lr, seed, loss, steps",
    )
    group_by: str | None = option(
        None, "columns of a table whose values separate experiments, as in optimizer,width"
    )
    criterion: Literal["loss", "steps"] | None = option(
        None,
        "what is smallest at the best rate",
        default_text="steps for runs with --stop-loss, else loss",
    )
    base_rate: bool = option(
        False, "compare base rates lr instead of the rates lr (L/D)^e", flags=("--base-rate",)
    )
    against: float | None = option(
        None, "exponent that theory expects", default_text="0: one rate for all depths"
    )
    show: bool = option(False, "also show the figure in a window", flags=("--show",))
    out: Path = option(Path("transfer.pdf"), "figure to write (.pdf, .svg or .png)")

    @property
    def named(self) -> dict[str, str]:
        """The names of the columns by what they hold."""
        found = {}
        for part in (self.columns or "").split(",") if self.columns else ():
            key, _, name = part.partition("=")
            if key.strip() not in READ or not name.strip():
                reason = f"'{part}' is not {', '.join(READ)} = the name of a column"
                raise Usage("columns", reason, "write depth=n_layer,lr=learning_rate")
            found[key.strip()] = name.strip()
        return found

    @property
    def groups(self) -> tuple[str, ...]:
        """The columns that separate experiments."""
        return tuple(p.strip() for p in self.group_by.split(",")) if self.group_by else ()
