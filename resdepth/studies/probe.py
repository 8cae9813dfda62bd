"""The rate of a plan with `lr=auto`: half the largest power of two at which the loss decreases."""

import math
from dataclasses import replace
from typing import Any

from resdepth.cores import available_threads
from resdepth.errors import Usage
from resdepth.isolation import isolated
from resdepth.options.train import TrainOptions
from resdepth.studies.command import quoted, run_command
from resdepth.studies.plan import ALWAYS, Plan, Probe, middle, product
from resdepth.training.dense import build
from resdepth.training.stopping import rose
from resdepth.training.trainee import Clock, Say

LARGEST, SMALLEST = 2.0**30, 2.0**-30


@isolated()
def probed(plan: Plan, say: Say) -> Plan:
    """The plan with a rate for each combination of its axes but depth and seed."""
    groups = product({n: values for n, values in plan.axes.items() if n not in ALWAYS})
    return replace(plan, probes=tuple(_found(plan, where, say) for where in groups))


def _found(plan: Plan, where: dict[str, Any], say: Say) -> Probe:
    depth, seed = middle(plan.axes["depth"]), plan.axes["seed"][0]
    wanted = where | {"depth": depth, "seed": seed}
    cell = next(cell for cell in plan.cells() if wanted.items() <= cell.values.items())
    tried: dict[float, bool] = {}

    def good(rate: float) -> bool:
        if rate not in tried:
            tried[rate] = decreases(cell.options.model_copy(update={"lr": rate}))
        return tried[rate]

    largest = 1.0
    while good(2 * largest) and largest < LARGEST:
        largest *= 2
    while not good(largest):
        largest /= 2
        if largest < SMALLEST:
            loss = f"the loss of {cell.name} decreases monotonically"
            reason = f"no learning rate was found with which {loss}"
            command = quoted(run_command(plan.folder, lr=0.1))
            raise Usage("lr=auto", reason, f"give a number, as in {command}")
    here = f" at {', '.join(f'{n} {v}' for n, v in where.items())}" if where else ""
    say(f"`lr=auto`{here}: {largest / 2:g} at depth {plan.options['lr_depth'] or 'any'}")
    return Probe(where, depth, seed, tried, largest / 2)


def decreases(options: TrainOptions) -> bool:
    """Whether the loss over the whole training set decreases to the end of training.

    It is compared after each step of a full batch, or after each epoch of mini-batches.
    """
    quick = {"p_var_every": 0, "store_grad": False}
    threads = options.threads or available_threads()
    trainee = build(options.model_copy(update=quick), threads)
    last = math.inf
    for record in trainee.records(trainee.start(), Clock()):
        if not record.finite:
            return False
        if trainee.steps_per_epoch == 1:
            loss = record.scalars["loss"]
        elif record.state and record.step % trainee.steps_per_epoch == 0:
            loss = trainee.final(record.state)[0]["loss"]
        else:
            continue
        if rose(last, loss):
            return False
        last = loss
    return True
