"""What the server imports before it forks; it must start no thread and compute nothing."""

import contextlib
from importlib import import_module

MODULES = (
    "resdepth.analysis.fits",
    "resdepth.probing.loss_surface",
    "resdepth.cli.app",
    "resdepth.cli.curvefit",
    "resdepth.cli.export",
    "resdepth.cli.landscape",
    "resdepth.cli.paths",
    "resdepth.cli.progress",
    "resdepth.cli.train",
    "resdepth.training.weight_export",
    "resdepth.training.dense",
    "resdepth.training.session",
    "resdepth.probing.hessian",
    "resdepth.figures.decay",
    "resdepth.figures.contour",
    "resdepth.figures.relief",
    "resdepth.figures.trajectory",
    "resdepth.figures.path_plots",
    "resdepth.figures.spectra",
)

for module in MODULES:
    # A module that cannot be imported must fail where it is used, not end the server.
    with contextlib.suppress(Exception):
        import_module(module)
