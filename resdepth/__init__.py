"""resdepth: the weights of very deep residual networks as paths through the layers."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resdepth.analysis.path_tables import norm_table, profile_table, variation_table
    from resdepth.analysis.pool import paths_of, pooled
    from resdepth.analysis.rate_tables import transfer
    from resdepth.api import render_landscape, render_trajectory, spectrum, train
    from resdepth.data.load import load_data
    from resdepth.errors import ResdepthError
    from resdepth.mathematics.decay_fit import fit_decay
    from resdepth.mathematics.pvariation import p_variation_norm, p_variation_norms
    from resdepth.options.data import Cifar10, Constant, Digits, Folder, Mnist, Sin
    from resdepth.options.landscape import RenderOptions, TrajectoryOptions
    from resdepth.options.spectrum import SpectrumOptions
    from resdepth.options.train import (
        ConstantWeights,
        DynamicLearningRate,
        FixedLearningRate,
        FractionalWeights,
        RepeatedWeights,
        TrainOptions,
        TruncatedWeights,
        WeightsOfRun,
    )
    from resdepth.runs.run import Run, open_run, weight_path
    from resdepth.studies.actions import study
    from resdepth.training.observer import NotebookProgress
    from resdepth.weights.read import read_models, stored_models

__all__ = [
    "Cifar10", "Constant", "ConstantWeights", "Digits", "DynamicLearningRate",
    "FixedLearningRate", "Folder", "FractionalWeights", "Mnist", "NotebookProgress",
    "RenderOptions", "RepeatedWeights", "ResdepthError", "Run", "Sin", "SpectrumOptions",
    "TrainOptions", "TrajectoryOptions", "TruncatedWeights", "WeightsOfRun", "fit_decay",
    "load_data", "norm_table", "open_run", "p_variation_norm", "p_variation_norms", "paths_of",
    "pooled", "profile_table", "read_models", "render_landscape", "render_trajectory", "spectrum",
    "stored_models", "study", "train", "transfer", "variation_table", "weight_path",
]  # fmt: skip
# Imported when they are first used, so that `import resdepth` costs nothing.
_NAMES = {
    "analysis.path_tables": "norm_table profile_table variation_table",
    "analysis.pool": "paths_of pooled",
    "analysis.rate_tables": "transfer",
    "api": "render_landscape render_trajectory spectrum train",
    "data.load": "load_data",
    "errors": "ResdepthError",
    "mathematics.decay_fit": "fit_decay",
    "mathematics.pvariation": "p_variation_norm p_variation_norms",
    "options.data": "Cifar10 Constant Digits Folder Mnist Sin",
    "options.landscape": "RenderOptions TrajectoryOptions",
    "options.spectrum": "SpectrumOptions",
    "options.train": "ConstantWeights DynamicLearningRate FixedLearningRate FractionalWeights "
    "RepeatedWeights TrainOptions TruncatedWeights WeightsOfRun",
    "runs.run": "Run open_run weight_path",
    "studies.actions": "study",
    "training.observer": "NotebookProgress",
    "weights.read": "read_models stored_models",
}
_HOMES = {name: f"resdepth.{home}" for home, names in _NAMES.items() for name in names.split()}


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
