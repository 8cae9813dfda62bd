"""Build the networks of `train`, what they require of an engine, and the rule for their rate."""

import torch

from resdepth.data.dataset import Dataset
from resdepth.engine.contract import Request
from resdepth.engine.loop import ACTIVATION_CONSTANTS, DEFAULT_CONSTANT, DynamicRate, Rate
from resdepth.engine.loss import CrossEntropy, Loss, PowerLoss
from resdepth.engine.network import Network
from resdepth.mathematics import Array
from resdepth.mathematics.initialise import INITIALISATIONS, linear_uniform
from resdepth.mathematics.powers import initial_scale
from resdepth.mathematics.random import stream
from resdepth.options.data import Classified, Data, Function
from resdepth.options.train import (
    ComputeOptions,
    DynamicLearningRate,
    FixedLearningRate,
    InitialWeights,
    NetworkOptions,
)
from resdepth.runs.checkpoint import DENSE, Checkpoint


def engine_request(compute: ComputeOptions, device: torch.device, threads: int) -> Request:
    """What a network requires of an engine."""
    return Request(device, getattr(torch, compute.dtype), threads, compute.precision)


def initial_network(
    options: NetworkOptions, init: InitialWeights, data: Data, seed: int, train: Dataset
) -> Network:
    """The network before training, on the CPU, drawn in float64 from the streams of the seed."""
    width = options.width
    outputs = (data.classes or len(train.classes)) if isinstance(data, Classified) else 1
    blocks = initial_blocks(options, init, seed)
    readin = linear_uniform(width, train.inputs.shape[1], stream(seed, "readin"))
    readout = linear_uniform(outputs, width, stream(seed, "readout"))
    drawn = zip(DENSE, (blocks, readin, readout), strict=True)
    tensors = {name: torch.from_numpy(array).to(train.inputs.dtype) for name, array in drawn}
    return load_network(options, data, Checkpoint(0, 0.0, tensors))


def initial_blocks(options: NetworkOptions, init: InitialWeights, seed: int) -> Array:
    """The weights (L, d, d) before training in float64, which do not depend on the data."""
    depth, width = options.depth, options.width
    alpha = options.alpha if init.init_alpha is None else init.init_alpha
    scale = initial_scale(depth, width, alpha, init.gamma)
    rule = INITIALISATIONS[init.kind]
    parameters = {name: getattr(init, name) for name in rule.parameters}
    return rule.draw((depth, width, width), scale, seed, **parameters)


def load_network(options: NetworkOptions, data: Data, checkpoint: Checkpoint) -> Network:
    """The network of a checkpoint, on the CPU, in the dtype it was trained in."""
    loss: Loss = PowerLoss(data.loss_p) if isinstance(data, Function) else CrossEntropy()
    same = {name: getattr(options, name) for name in ("alpha", "activation", "augmentation")}
    tensors = (checkpoint.blocks, checkpoint.readin, checkpoint.readout)
    return Network(*tensors, loss=loss, **same)


def rate_rule(options: FixedLearningRate, network: NetworkOptions) -> Rate:
    """The rule for the learning rate."""
    if not isinstance(options, DynamicLearningRate):
        return Rate()
    constant = options.lr_constant or ACTIVATION_CONSTANTS.get(network.activation, DEFAULT_CONSTANT)
    first = options.at(network.depth)
    anchored = options.dynamic_lr_rule == "anchored"
    return DynamicRate(first, constant, options.lr_max or first, anchored)
