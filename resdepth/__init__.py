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
    from resdepth.options.data import Cifar10 as Cifar10
    from resdepth.options.data import Constant as Constant
    from resdepth.options.data import Digits as Digits
    from resdepth.options.data import Folder as Folder
    from resdepth.options.data import Mnist as Mnist
    from resdepth.options.data import Sin as Sin
    from resdepth.options.landscape import RenderOptions as RenderOptions
    from resdepth.options.landscape import TrajectoryOptions as TrajectoryOptions
    from resdepth.options.spectrum import SpectrumOptions as SpectrumOptions
    from resdepth.options.train import ConstantWeights as ConstantWeights
    from resdepth.options.train import DynamicLearningRate as DynamicLearningRate
    from resdepth.options.train import FixedLearningRate as FixedLearningRate
    from resdepth.options.train import FractionalWeights as FractionalWeights
    from resdepth.options.train import RepeatedWeights as RepeatedWeights
    from resdepth.options.train import TrainOptions as TrainOptions
    from resdepth.options.train import TruncatedWeights as TruncatedWeights
    from resdepth.runs.run import Run as Run
    from resdepth.runs.run import open_run as open_run
    from resdepth.runs.run import weight_path as weight_path
    from resdepth.studies.actions import study as study
    from resdepth.training.observer import NotebookProgress as NotebookProgress
    from resdepth.weights.read import read_models as read_models
    from resdepth.weights.read import stored_models as stored_models

_NAMES = {
    "analysis.path_tables": "norm_table profile_table variation_table",
    "analysis.pool": "paths_of pooled",
    "api": "render_landscape render_trajectory spectrum train",
    "data.load": "load_data",
    "errors": "ResdepthError",
    "mathematics.decay_fit": "fit_decay",
    "mathematics.pvariation": "p_variation_norm p_variation_norms",
    "options.data": "Cifar10 Constant Digits Folder Mnist Sin",
    "options.landscape": "RenderOptions TrajectoryOptions",
    "options.spectrum": "SpectrumOptions",
    "options.train": "ConstantWeights DynamicLearningRate FixedLearningRate FractionalWeights "
    "RepeatedWeights TrainOptions TruncatedWeights",
    "runs.run": "Run open_run weight_path",
    "studies.actions": "study",
    "training.observer": "NotebookProgress",
    "weights.read": "read_models stored_models",
}
_HOMES = {name: f"resdepth.{home}" for home, names in _NAMES.items() for name in names.split()}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        try:
            return version("resdepth")
        except PackageNotFoundError:
            return "unknown: resdepth is not installed"
    if name not in _HOMES:
        raise AttributeError(f"module 'resdepth' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
