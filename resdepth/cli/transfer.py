"""`resdepth transfer`."""

from functools import partial
from pathlib import Path

from resdepth.cli import console, signals
from resdepth.cli.console import aligned
from resdepth.cli.parameters import command
from resdepth.cli.picture import finish, origin_of, output
from resdepth.options.base import AnalysisInvocation
from resdepth.options.transfer import TransferOptions


@command("transfer")
def transfer(options: TransferOptions, call: AnalysisInvocation) -> None:
    """Tell whether the best learning rate transfers across the depth L.

    At each depth a bowl is fitted to the loss against the logarithm of the rate. The exponent e of
    the best rate, L^e, has a 95 % interval over seeds and depths. The verdict is 'transfers' (one
    rate is the best at all depths), 'drifts' or 'undecided'. Experiments that differ in any other
    option, or in a column named by --group-by, are kept apart. With --stop-loss the best rate is
    the one that needs the fewest steps.
    """
    out = output(options.out)
    with signals.deferred():
        from resdepth.analysis.rate_tables import (
            of_options,
            rate_rows,
            sentences,
            transfer_numbers,
        )
        from resdepth.figures.transfer_plots import draw_experiments

    console.route_warnings()
    tables = of_options(options)
    lines = []
    for table in tables:
        lines += [f"{table.label}:"] if table.label else []
        lines += [aligned(rate_rows(table)), *sentences(table), ""]
    origin = origin_of(options, filter(Path.is_file, options.sources))
    draw, numbers = partial(draw_experiments, tables), transfer_numbers(tables)
    finish(draw, numbers, out, origin, call, text="\n".join(lines[:-1]), show=options.show)
