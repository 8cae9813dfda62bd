"""What a step of `train` needs, built from its options: device, engine, network, data, rate."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from resdepth.arrays import Hidden, Targets
from resdepth.data.dataset import Dataset, fingerprint
from resdepth.data.load import load_data
from resdepth.engine.contract import Engine, Request
from resdepth.engine.device import leave_threads_to, resolve_device
from resdepth.engine.kernels.registry import choose
from resdepth.engine.loss import CrossEntropy, Loss, PowerLoss
from resdepth.engine.network import Network
from resdepth.engine.optimiser import (
    ACTIVATION_CONSTANTS,
    DEFAULT_CONSTANT,
    DynamicRate,
    Rate,
)
from resdepth.mathematics import powers
from resdepth.mathematics.initialise import INITIALISATIONS, linear_uniform
from resdepth.mathematics.random import permutation, stream
from resdepth.options.train import TrainOptions
from resdepth.runs.checkpoint import Checkpoint


@dataclass(frozen=True)
class Embedded:
    """A data set after the fixed read-in: h_0 (N, d) and targets (N,), on the device."""

    h0: Hidden
    targets: Targets

    @property
    def samples(self) -> int:
        """Number of samples N."""
        return self.targets.shape[0]


@dataclass(frozen=True)
class Problem:
    """One run, ready to step.

    `fingerprint` is the checksum of the data; `orders` has the permutation of the current epoch, by
    its number, on the device.
    """

    options: TrainOptions
    device: torch.device
    engine: Engine
    network: Network
    train: Embedded
    validation: Embedded
    fingerprint: str
    orders: dict[int, Tensor] = field(default_factory=dict, repr=False, compare=False)

    @property
    def whole(self) -> tuple[Hidden, Targets]:
        """The whole training set, embedded."""
        return self.train.h0, self.train.targets

    @property
    def batch_size(self) -> int:
        """Samples of a full batch."""
        return min(self.options.batch_size or self.train.samples, self.train.samples)

    @property
    def steps_per_epoch(self) -> int:
        """Updates in an epoch; the last batch may be smaller."""
        return -(-self.train.samples // self.batch_size)

    @property
    def steps(self) -> int:
        """Total number of updates."""
        return self.options.epochs * self.steps_per_epoch

    def batch(self, step: int) -> tuple[Hidden, Targets]:
        """The embedded batch of `step`: a slice of the epoch's permutation."""
        if self.steps_per_epoch == 1:
            return self.train.h0, self.train.targets
        epoch, number = divmod(step, self.steps_per_epoch)
        if epoch not in self.orders:
            # One transfer per epoch: each waits until the device has caught up.
            order = permutation(self.options.seed, epoch, self.train.samples)
            self.orders.clear()
            self.orders[epoch] = torch.from_numpy(order).to(self.device)
        index = self.orders[epoch][number * self.batch_size : (number + 1) * self.batch_size]
        return self.train.h0[index], self.train.targets[index]

    def fits(self, checkpoint: Checkpoint) -> bool:
        """Whether a checkpoint is of this very network: shapes, dtype, fixed matrices."""
        ours = (self.network.blocks, self.network.readin, self.network.readout)
        blocks, *theirs = (checkpoint.blocks, checkpoint.readin, checkpoint.readout)
        same = (blocks.shape, blocks.dtype) == (ours[0].shape, ours[0].dtype)
        return same and all(torch.equal(a.cpu(), b) for a, b in zip(ours[1:], theirs, strict=True))

    def with_blocks_of(self, checkpoint: Checkpoint) -> Network:
        """The network with the weights of a checkpoint."""
        blocks = checkpoint.blocks.to(self.device, self.network.blocks.dtype)
        return self.network.with_blocks(blocks)


def build(options: TrainOptions, threads: int) -> Problem:
    """Load the data, draw the network and choose the engine."""
    torch.set_num_threads(threads)
    device = resolve_device(options.device)
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = options.precision == "tf32"
    engine = choose(options.engine, engine_request(options, device, threads))
    train, validation = load_data(options)
    network = initial_network(options, train)
    embedded = (_embed(network, train, device), _embed(network, validation, device))
    seen = fingerprint(train, validation)
    network = network.to(device, network.blocks.dtype)
    leave_threads_to(engine)
    return Problem(options, device, engine, network, *embedded, seen)


def engine_request(options: TrainOptions, device: torch.device, threads: int) -> Request:
    """What the network of `options` requires of an engine."""
    names = ("activation", "augmentation", "width", "precision")
    same = {name: getattr(options, name) for name in names}
    return Request(device=device, dtype=getattr(torch, options.dtype), threads=threads, **same)


def initial_network(options: TrainOptions, train: Dataset) -> Network:
    """The network before training, on the CPU, drawn in float64 from the streams of the seed."""
    width, depth, seed = options.width, options.depth, options.seed
    outputs = 1 if options.regression else options.classes or len(train.classes)
    scale = powers.initial_scale(depth, width, options.initial_alpha, options.gamma)
    rule = INITIALISATIONS[options.init]
    parameters = {name: getattr(options, name) for name in rule.parameters}
    blocks = rule.draw((depth, width, width), scale, seed, **parameters)
    readin = linear_uniform(width, train.inputs.shape[1], stream(seed, "readin"))
    readout = linear_uniform(outputs, width, stream(seed, "readout"))
    drawn = (torch.from_numpy(array).to(train.inputs.dtype) for array in (blocks, readin, readout))
    return _network(options, *drawn)


def load_network(options: TrainOptions, checkpoint: Checkpoint) -> Network:
    """The network of a checkpoint, on the CPU, in the dtype it was trained in."""
    return _network(options, checkpoint.blocks, checkpoint.readin, checkpoint.readout)


def _network(options: TrainOptions, blocks: Tensor, readin: Tensor, readout: Tensor) -> Network:
    loss: Loss = PowerLoss(options.loss_p) if options.regression else CrossEntropy()
    same = {name: getattr(options, name) for name in ("alpha", "activation", "augmentation")}
    return Network(blocks, readin, readout, loss=loss, **same)


def rate_rule(options: TrainOptions) -> Rate:
    """The rule for the learning rate."""
    if not options.dynamic_lr:
        return Rate()
    constant = options.lr_constant or ACTIVATION_CONSTANTS.get(options.activation, DEFAULT_CONSTANT)
    largest, anchored = options.lr_max or options.rate, options.dynamic_lr_rule == "anchored"
    return DynamicRate(options.rate, constant, largest, anchored)


def _embed(network: Network, data: Dataset, device: torch.device) -> Embedded:
    return Embedded(network.embed(data.inputs).to(device), data.targets.to(device))
