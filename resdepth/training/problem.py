"""What a step of `train` needs, built from its options: device, engine, network, data, rate."""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resdepth.arrays import Hidden, Targets
from resdepth.data.dataset import Dataset, fingerprint
from resdepth.data.load import load_data
from resdepth.engine.contract import Engine, Request
from resdepth.engine.kernels.registry import choose, leave_threads_to, resolve_device
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
from resdepth.options.data import Function
from resdepth.options.train import (
    ComputeOptions,
    DynamicLearningRate,
    InitialWeights,
    NetworkOptions,
    TrainOptions,
)
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
    compute = options.compute
    device = resolve_device(compute.device)
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = compute.precision == "tf32"
    engine = choose(compute.engine, engine_request(compute, device, threads))
    train, validation = load_data(options)
    network = initial_network(options, train)
    embedded = (_embed(network, train, device), _embed(network, validation, device))
    seen = fingerprint(train, validation)
    network = network.to(device, network.blocks.dtype)
    leave_threads_to(engine)
    return Problem(options, device, engine, network, *embedded, seen)


def engine_request(compute: ComputeOptions, device: torch.device, threads: int) -> Request:
    """What a network requires of an engine."""
    return Request(device, getattr(torch, compute.dtype), threads, compute.precision)


def initial_blocks(init: InitialWeights, network: NetworkOptions, seed: int) -> NDArray[np.float64]:
    """The weights A (L, d, d) before training."""
    depth, width = network.depth, network.width
    alpha = network.alpha if init.init_alpha is None else init.init_alpha
    scale = powers.initial_scale(depth, width, alpha, init.gamma)
    rule = INITIALISATIONS[init.kind]
    parameters = {name: getattr(init, name) for name in rule.parameters}
    return rule.draw((depth, width, width), scale, seed, **parameters)


def initial_network(options: TrainOptions, train: Dataset) -> Network:
    """The network before training, on the CPU, drawn in float64 from the streams of the seed."""
    width, seed = options.network.width, options.seed
    outputs = 1 if options.regression else options.classes or len(train.classes)
    blocks = initial_blocks(options.init, options.network, seed)
    readin = linear_uniform(width, train.inputs.shape[1], stream(seed, "readin"))
    readout = linear_uniform(outputs, width, stream(seed, "readout"))
    drawn = (torch.from_numpy(array).to(train.inputs.dtype) for array in (blocks, readin, readout))
    return _network(options, *drawn)


def load_network(options: TrainOptions, checkpoint: Checkpoint) -> Network:
    """The network of a checkpoint, on the CPU, in the dtype it was trained in."""
    return _network(options, checkpoint.blocks, checkpoint.readin, checkpoint.readout)


def _network(options: TrainOptions, blocks: Tensor, readin: Tensor, readout: Tensor) -> Network:
    data, network = options.data, options.network
    loss: Loss = PowerLoss(data.loss_p) if isinstance(data, Function) else CrossEntropy()
    same = {name: getattr(network, name) for name in ("alpha", "activation", "augmentation")}
    return Network(blocks, readin, readout, loss=loss, **same)


def rate_rule(options: TrainOptions) -> Rate:
    """The rule for the learning rate."""
    rule, network = options.learning_rate, options.network
    if not isinstance(rule, DynamicLearningRate):
        return Rate()
    constant = rule.lr_constant or ACTIVATION_CONSTANTS.get(network.activation, DEFAULT_CONSTANT)
    first = rule.at(network.depth)
    return DynamicRate(first, constant, rule.lr_max or first, rule.dynamic_lr_rule == "anchored")


def _embed(network: Network, data: Dataset, device: torch.device) -> Embedded:
    return Embedded(network.embed(data.inputs).to(device), data.targets.to(device))
