"""The loss of a run on its training data, as a function of the weights around a checkpoint."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from resdepth.cores import available_threads
from resdepth.data.dataset import normalise
from resdepth.data.load import load_data, load_images
from resdepth.engine.convolutional_objective import ConvolutionalObjective, Statistics
from resdepth.engine.kernels.registry import choose, leave_threads_to, resolve_device
from resdepth.engine.objective import DenseObjective, Objective, Plane
from resdepth.engine.resnet import ResNet
from resdepth.errors import Usage
from resdepth.mathematics import Array
from resdepth.options.base import Options
from resdepth.options.landscape import RenderOptions, TrajectoryOptions
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.spectrum import SpectrumOptions
from resdepth.options.train import TrainOptions
from resdepth.runs.checkpoint import Checkpoint, check_like, read_checkpoint
from resdepth.runs.manifest import NAME as MANIFEST
from resdepth.runs.run import Run
from resdepth.training.networks import engine_request, load_network

SUBSET = "numpy.random.default_rng([seed, 1]).permutation(N)[:subset], sorted"
IMAGES = 500
"""Images evaluated at once."""
LAYERS_OF_IMAGES = 1000
"""Images times layers whose second derivatives are taken at once: about 1 GiB in float64."""

SurfaceOptions = RenderOptions | TrajectoryOptions
ProbeOptions = SurfaceOptions | SpectrumOptions
"""The options of every experiment: values of the loss, or its second derivatives."""


@dataclass(frozen=True)
class Source:
    """A checkpoint and the options it was trained with."""

    training: Options
    checkpoint: Path

    @property
    def convolutional(self) -> bool:
        """Whether the network has convolutions, and with them norms, biases, batch statistics."""
        return isinstance(self.training, ResnetCifarOptions)

    @property
    def run(self) -> Run | None:
        """The run that the checkpoint lies in, if any."""
        folder = self.checkpoint.absolute().parent.parent
        return Run(folder) if (folder / MANIFEST).is_file() else None

    @property
    def files(self) -> tuple[Path, ...]:
        """The checkpoint, and the manifest of its run if it lies in one."""
        run = self.run
        return (self.checkpoint,) if run is None else (self.checkpoint, run.path / MANIFEST)

    @classmethod
    def of(cls, run: Run) -> "Source":
        """The newest checkpoint of a run; raises Missing if there is none."""
        return cls(run.recorded_options, run.newest)


@dataclass
class Centre:
    """A checkpoint and the loss around it on the training data: `objective`, by `engine`."""

    source: Source
    options: ProbeOptions
    checkpoint: Checkpoint
    device: torch.device
    threads: int
    statistics: Statistics = "centre"

    def __post_init__(self) -> None:
        training = self.source.training
        if isinstance(training, ResnetCifarOptions):
            self.objective, self.engine = self._convolutional(training)
        elif isinstance(training, TrainOptions):
            self.objective, self.engine = self._dense(training)
        else:
            raise TypeError(f"{type(training).__name__} trains nothing")

    @property
    def float64_device(self) -> torch.device:
        """The device, or the CPU instead of mps, which has no float64."""
        return torch.device("cpu") if self.device.type == "mps" else self.device

    @property
    def weights(self) -> Array:
        """The weights (n,) in float64; sums with them have the same bits on every device."""
        return np.asarray(self.objective.centre.detach().cpu().double().numpy())

    def plane(self, directions: Array) -> Plane:
        """The weights plus multiples of `directions` (k, n)."""
        tensors = (torch.from_numpy(part) for part in (self.weights, directions))
        return Plane(*(tensor.to(self.float64_device) for tensor in tensors))

    def in_float64(self, options: SpectrumOptions) -> Objective:
        """The loss in float64, for its second derivatives."""
        precise = options.model_copy(update={"dtype": "float64"})
        return replace(self, options=precise, device=self.float64_device).objective

    def _dense(self, training: TrainOptions) -> tuple[Objective, str]:
        second = isinstance(self.options, SpectrumOptions)
        if isinstance(self.options, SpectrumOptions):
            training = training.model_copy(update={"dtype": self.options.dtype})
        compute, threads = training.compute, torch.get_num_threads()
        dtype = getattr(torch, compute.dtype)
        network = load_network(training.network, training.data, self.checkpoint).to("cpu", dtype)
        request = engine_request(compute, self.device, threads)
        engine = choose(self.options.engine, request, curvature=second)
        data, _ = load_data(training)
        data = data.take(self._chosen(data.samples))
        h0 = network.embed(data.inputs).to(self.device)
        leave_threads_to(engine)
        network = network.to(self.device, dtype)
        return DenseObjective(engine, network, h0, data.targets.to(self.device)), engine.name

    def _convolutional(self, training: ResnetCifarOptions) -> tuple[Objective, str]:
        if self.options.engine != "auto":
            what = "has no effect on a convolutional network, which torch evaluates"
            raise Usage("engine", what, "leave it out")
        images, _ = load_images(training, self.device)
        classes, channels = len(images.classes), images.images.shape[1]
        network = ResNet(training.depth, training.alpha, classes, channels, skip=training.skip)
        network = network.to(self.device)
        own = without_velocity(self.checkpoint)
        check_like(own, network.state_dict(), self.source.checkpoint)
        network.load_state_dict(own.tensors)
        together, dtype = IMAGES, "float32"
        if isinstance(self.options, SpectrumOptions):
            together, dtype = max(1, LAYERS_OF_IMAGES // training.depth), self.options.dtype
        network = network.to(getattr(torch, dtype))
        chosen = torch.split(self._chosen(len(images.labels)), together)
        parts = (part.to(self.device) for part in chosen)
        batches = [(normalise(images.images[part]), images.labels[part]) for part in parts]
        return ConvolutionalObjective(network, batches, self.statistics), f"torch {dtype}"

    def _chosen(self, samples: int) -> Tensor:
        """The indices of the samples that the loss is the mean over."""
        options = self.options
        if options.subset is None or options.subset >= samples:
            return torch.arange(samples)
        order = np.random.default_rng([options.seed, 1]).permutation(samples)
        return torch.from_numpy(np.sort(order[: options.subset]))


def centre_of(
    source: Source,
    options: ProbeOptions,
    statistics: Statistics = "centre",
    threads: int | None = None,
) -> Centre:
    """Read a checkpoint and load the data of its run; `threads` overrides the option.

    `statistics` are those of batch normalisation, without effect on a network without it.
    """
    threads = threads or options.threads or available_threads()
    torch.set_num_threads(threads)
    device = resolve_device(options.device)
    checkpoint = read_checkpoint(source.checkpoint)
    return Centre(source, options, checkpoint, device, threads, statistics)


def without_velocity(checkpoint: Checkpoint) -> Checkpoint:
    """A checkpoint without the velocity of its optimiser."""
    kept = {name: tensor for name, tensor in checkpoint.tensors.items() if name != "velocity"}
    return replace(checkpoint, tensors=kept)
