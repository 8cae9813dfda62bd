"""resdepth: the weights of very deep residual networks as paths through the layers.

The public names are imported when they are first used, so that `import resdepth` costs nothing.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resdepth.analysis.path_tables import norm_table as norm_table
    from resdepth.analysis.path_tables import profile_table as profile_table
    from resdepth.analysis.path_tables import variation_table as variation_table
    from resdepth.analysis.pool import paths_of as paths_of
    from resdepth.analysis.pool import pooled as pooled
    from resdepth.api import render_landscape as render_landscape
    from resdepth.api import render_trajectory as render_trajectory
    from resdepth.api import spectrum as spectrum
    from resdepth.api import train as train
    from resdepth.data.load import load_data as load_data
    from resdepth.errors import ResdepthError as ResdepthError
    from resdepth.mathematics.decay_fit import fit_decay as fit_decay
    from resdepth.mathematics.pvariation import p_variation_norm as p_variation_norm
    from resdepth.mathematics.pvariation import p_variation_norms as p_variation_norms
    from resdepth.options.landscape import RenderOptions as RenderOptions
    from resdepth.options.landscape import TrajectoryOptions as TrajectoryOptions
    from resdepth.options.spectrum import SpectrumOptions as SpectrumOptions
    from resdepth.options.train import TrainOptions as TrainOptions
    from resdepth.runs.run import Run as Run
    from resdepth.runs.run import open_run as open_run
    from resdepth.runs.run import weight_path as weight_path
    from resdepth.studies.actions import study as study
    from resdepth.training.observer import NotebookProgress as NotebookProgress
    from resdepth.weights.read import read_models as read_models
    from resdepth.weights.read import stored_models as stored_models

_HOMES = {
    "NotebookProgress": "resdepth.training.observer",
    "RenderOptions": "resdepth.options.landscape",
    "ResdepthError": "resdepth.errors",
    "Run": "resdepth.runs.run",
    "SpectrumOptions": "resdepth.options.spectrum",
    "TrainOptions": "resdepth.options.train",
    "TrajectoryOptions": "resdepth.options.landscape",
    "fit_decay": "resdepth.mathematics.decay_fit",
    "load_data": "resdepth.data.load",
    "norm_table": "resdepth.analysis.path_tables",
    "open_run": "resdepth.runs.run",
    "p_variation_norm": "resdepth.mathematics.pvariation",
    "p_variation_norms": "resdepth.mathematics.pvariation",
    "paths_of": "resdepth.analysis.pool",
    "pooled": "resdepth.analysis.pool",
    "profile_table": "resdepth.analysis.path_tables",
    "read_models": "resdepth.weights.read",
    "render_landscape": "resdepth.api",
    "render_trajectory": "resdepth.api",
    "spectrum": "resdepth.api",
    "stored_models": "resdepth.weights.read",
    "study": "resdepth.studies.actions",
    "train": "resdepth.api",
    "variation_table": "resdepth.analysis.path_tables",
    "weight_path": "resdepth.runs.run",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in _HOMES:
        raise AttributeError(f"module 'resdepth' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def _version() -> str:
    """The version that is installed; this tree alone knows none."""
    try:
        return version("resdepth")
    except PackageNotFoundError:
        return "unknown: resdepth is not installed"


def __dir__() -> list[str]:
    return __all__
