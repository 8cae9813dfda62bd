"""Build the networks of `train`, what they require of an engine, and the rule for their rate."""

from pathlib import Path

import torch

from resdepth.data.dataset import Dataset
from resdepth.engine.contract import Request
from resdepth.engine.loop import ACTIVATION_CONSTANTS, DEFAULT_CONSTANT, DynamicRate, Rate
from resdepth.engine.loss import CrossEntropy, Loss, PowerLoss
from resdepth.engine.network import Network
from resdepth.errors import Corrupt
from resdepth.mathematics import Array
from resdepth.mathematics.initialise import INITIALISATIONS, linear_uniform
from resdepth.mathematics.powers import beta, initial_scale
from resdepth.mathematics.random import stream
from resdepth.mathematics.refinement import deepened
from resdepth.options.data import Classified, Data, Function
from resdepth.options.train import (
    ComputeOptions,
    DynamicLearningRate,
    FixedLearningRate,
    InitialWeights,
    NetworkOptions,
    TrainOptions,
    WeightsOfRun,
)
from resdepth.runs.checkpoint import DENSE, Checkpoint, other_network, read_checkpoint, step_of
from resdepth.runs.checksum import file_checksum
from resdepth.runs.manifest import Parent
from resdepth.runs.parent import unlike_parent
from resdepth.runs.run import Run


def engine_request(compute: ComputeOptions, device: torch.device, threads: int) -> Request:
    """What a network requires of an engine."""
    return Request(device, getattr(torch, compute.dtype), threads, compute.precision)


def initial_network(
    options: NetworkOptions, init: InitialWeights, data: Data, seed: int, train: Dataset
) -> Network:
    """The network before training, on the CPU, drawn in float64 from the streams of the seed."""
    width = options.width
    blocks = initial_blocks(options, init, seed)
    readin = linear_uniform(width, train.inputs.shape[1], stream(seed, "readin"))
    readout = linear_uniform(_outputs(data, train), width, stream(seed, "readout"))
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


def first_network(
    options: TrainOptions, train: Dataset, parent: Parent | None, own: Path | None
) -> tuple[Network, Parent | None]:
    """The network to train, and the checkpoint of another run that it starts from, if any.

    `parent` is the one recorded, `own` a checkpoint of the same run, which needs no parent.
    """
    network, init = options.network, options.init
    if not isinstance(init, WeightsOfRun):
        return initial_network(network, init, options.data, options.seed, train), None
    if own is not None:
        source = own, network.depth
    else:
        parent = parent_of(Run(init.start_from), parent)
        source = Path(parent["checkpoint"]), parent["depth"]
    return deepened_network(network, init.start_rule, options.data, train, *source), parent


def parent_of(run: Run, recorded: Parent | None) -> Parent:
    """The newest checkpoint of the run to start from; Corrupt if it is not the `recorded` one."""
    path, manifest = run.newest, run.manifest
    step, found = step_of(path) or 0, file_checksum(path)
    if recorded is not None and found != recorded["sha256"]:
        remedy = "train again with `overwrite`, from its weights of today"
        raise Corrupt(path, "it has changed since a run started from it", remedy)
    layers, where = int(manifest.options["depth"]), str(path.absolute())
    return Parent(checkpoint=where, sha256=found, depth=layers, seed=manifest.seed, step=step)


def deepened_network(
    options: NetworkOptions, rule: str, data: Data, train: Dataset, path: Path, layers: int
) -> Network:
    """The network in a checkpoint of `layers`, refined in float64 to the depth of the options.

    Raises Usage if it does not fit the data, Corrupt if its blocks have another shape.
    """
    found, width = read_checkpoint(path), options.width
    if not found.dense or found.blocks.shape != (layers, width, width):
        raise other_network(path)
    sizes = {
        "classes": (len(found.readout), _outputs(data, train)),
        "input_size": (found.readin.shape[1], train.inputs.shape[1]),
    }
    for name, (theirs, ours) in sizes.items():
        if theirs != ours:
            raise unlike_parent(name, path.parent.parent, theirs, ours)
    blocks = deepened(found.blocks.double().numpy(), options.depth, rule, beta(options.alpha))
    tensors = found.tensors | {"blocks": torch.from_numpy(blocks)}
    network = load_network(options, data, Checkpoint(0, 0.0, tensors))
    return network.to("cpu", train.inputs.dtype)


def _outputs(data: Data, train: Dataset) -> int:
    return (data.classes or len(train.classes)) if isinstance(data, Classified) else 1


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
