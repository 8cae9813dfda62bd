"""`python -m resdepth` is the `resdepth` executable."""

from resdepth.cli.app import main

main()
