"""From a run's options and a checkpoint to a loss that can be looked at around its weights."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from resdepth.data.augment import normalise
from resdepth.data.images import load_images
from resdepth.data.load import load_data
from resdepth.engine.contract import Engine, Request
from resdepth.engine.convolutional_objective import ConvolutionalObjective, Statistics
from resdepth.engine.device import leave_threads_to
from resdepth.engine.kernels.registry import choose, choose_curvature
from resdepth.engine.objective import DenseObjective, Objective
from resdepth.engine.resnet import ResNet
from resdepth.errors import Usage
from resdepth.options.base import Options
from resdepth.options.landscape import Evaluation
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.spectrum import SpectrumOptions
from resdepth.options.train import TrainOptions
from resdepth.runs.checkpoint import Checkpoint, check_like
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.run import Run
from resdepth.training.problem import engine_request, load_network

SUBSET = "numpy.random.default_rng([seed, 1]).permutation(N)[:subset], sorted"
IMAGES = 500
"""Images evaluated at once."""
LAYERS_OF_IMAGES = 1000
"""Images times layers whose second derivatives are taken at once: about a GiB in float64."""

Asked = Evaluation | SpectrumOptions
"""What is asked of a loss: its values, or its second derivatives."""


@dataclass(frozen=True)
class Source:
    """What is looked at: how a run was trained, and which checkpoint."""

    training: Options
    checkpoint: Path

    @property
    def convolutional(self) -> bool:
        """Whether the network has convolutions, and with them norms, biases, batch statistics."""
        return isinstance(self.training, ResnetCifarOptions)

    @property
    def run(self) -> Run | None:
        """The run that the checkpoint lies in, where it lies in one."""
        folder = self.checkpoint.absolute().parent.parent
        return Run(folder) if (folder / MANIFEST).is_file() else None

    @property
    def files(self) -> tuple[Path, ...]:
        """The checkpoint, and the manifest of its run if it lies in one."""
        run = self.run
        return (self.checkpoint,) if run is None else (self.checkpoint, run.path / MANIFEST)

    @classmethod
    def of(cls, run: Run) -> "Source":
        """The newest weights of a run; Missing where there are none."""
        return cls(run.recorded_options, run.newest)


def objective_of(
    source: Source,
    checkpoint: Checkpoint,
    options: Asked,
    device: torch.device,
    statistics: Statistics = "centre",
) -> tuple[Objective, str]:
    """The loss around a checkpoint on the run's training data, and what computes it.

    `statistics` are those of batch normalisation, which a dense network has not.
    """
    if isinstance(source.training, TrainOptions):
        return _dense(source.training, checkpoint, options, device)
    if isinstance(source.training, ResnetCifarOptions):
        return _convolutional(source, source.training, checkpoint, options, device, statistics)
    raise TypeError(f"{type(source.training).__name__} trains nothing")


def _dense(
    training: TrainOptions, checkpoint: Checkpoint, options: Asked, device: torch.device
) -> tuple[Objective, str]:
    threads = torch.get_num_threads()
    if isinstance(options, SpectrumOptions):
        training = training.model_copy(update={"dtype": options.dtype})
    dtype = getattr(torch, training.dtype)
    network = load_network(training, checkpoint).to("cpu", dtype)
    engine = _engine(options, engine_request(training, device, threads))
    data, _ = load_data(training)
    chosen = _subset(options, data.samples)
    data = data if chosen is None else data.take(chosen)
    h0 = network.embed(data.inputs).to(device)
    leave_threads_to(engine)
    network = network.to(device, dtype)
    return DenseObjective(engine, network, h0, data.targets.to(device)), engine.name


def _engine(options: Asked, request: Request) -> Engine:
    if isinstance(options, Evaluation):
        return choose(options.engine, request)
    engine = choose_curvature(options.engine, request)
    if not isinstance(engine, Engine):
        raise TypeError(f"{engine.name}: has second derivatives alone")
    return engine


def _convolutional(
    source: Source,
    training: ResnetCifarOptions,
    checkpoint: Checkpoint,
    options: Asked,
    device: torch.device,
    statistics: Statistics,
) -> tuple[Objective, str]:
    if options.engine != "auto":
        reason = "has no effect on a convolutional network, which torch evaluates"
        raise Usage("engine", reason, "leave it out")
    images, _ = load_images(training, device)
    classes, channels = len(images.classes), images.images.shape[1]
    network = ResNet(training.depth, training.alpha, classes, channels, skip=training.skip)
    network = network.to(device)
    like = dict(network.state_dict())
    # The velocity of the descent is no part of the network.
    own = {name: tensor for name, tensor in checkpoint.tensors.items() if name != "velocity"}
    check_like(replace(checkpoint, tensors=own), like, source.checkpoint)
    network.load_state_dict(own)
    chosen = _subset(options, len(images.labels))
    index = torch.arange(len(images.labels)) if chosen is None else chosen
    together, dtype = IMAGES, "float32"
    if isinstance(options, SpectrumOptions):
        together, dtype = max(1, LAYERS_OF_IMAGES // training.depth), options.dtype
    network = network.to(getattr(torch, dtype))
    parts = [part.to(device) for part in torch.split(index, together)]
    batches = [(normalise(images.images[part]), images.labels[part]) for part in parts]
    return ConvolutionalObjective(network, batches, statistics), f"torch {dtype}"


def _subset(options: Asked, samples: int) -> Tensor | None:
    if options.subset is None or options.subset >= samples:
        return None
    order = np.random.default_rng([options.seed, 1]).permutation(samples)
    return torch.from_numpy(np.sort(order[: options.subset]))
