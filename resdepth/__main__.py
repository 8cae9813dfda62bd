"""`python -m resdepth` is the `resdepth` executable."""

from resdepth.cli.start import main

main()
