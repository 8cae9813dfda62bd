"""Where the executable begins: signals first, then everything that takes time."""

import gc
import sys

from resdepth.cli import signals, streams

THRESHOLD = 100_000
"""New objects between two searches for circles: imports make hundreds of thousands, none garbage,
and with Python's own threshold of 700 the searches are a tenth of importing torch."""


def main() -> None:
    """Run the command line; a signal ends it with 128 and its number, whenever it comes."""
    gc.set_threshold(THRESHOLD)
    streams.open_streams()
    signals.install()
    try:
        from resdepth.cli.app import run

        code = run()
    except KeyboardInterrupt:
        code = signals.exit_code()
    except Exception:
        # What an interrupted import makes of a signal may have any name.
        if signals.received() is None:
            raise
        code = signals.exit_code()
    signals.ignore()
    sys.exit(code)
