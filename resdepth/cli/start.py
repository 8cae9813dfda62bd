"""Where the executable begins: signals first, then everything that takes time."""

import sys

from resdepth.cli import signals, streams


def main() -> None:
    """Run the command line; a signal ends it with 128 and its number, whenever it comes."""
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
