"""`resdepth train`."""

from resdepth.cli import console
from resdepth.cli.opening import conducted, ending
from resdepth.cli.parameters import command
from resdepth.options.train import TrainInvocation, TrainOptions

PROGRAM = "train"


def train(options: TrainOptions, call: TrainInvocation, given: frozenset[str]) -> int:
    """Train a residual network of L layers and record its weights as a path through the layers.

    The run folder holds the manifest, TensorBoard events, checkpoints and the exported weights.
    Ctrl-C, SIGTERM, SIGHUP or SIGUSR1 end the run after the current step, with a checkpoint. A run
    that is resumed with --resume ends with the same bits as an uninterrupted one.
    """
    folder, ended = conducted(PROGRAM, options, call, given)
    names = ("loss", "accuracy", "val/loss", "val/accuracy")
    scores = ", ".join(f"{name} {ended.final[name]:.4g}" for name in names if name in ended.final)
    pace = f", {1e3 * ended.seconds_per_step:.3g} ms per step" if ended.seconds_per_step else ""
    summary = f"{ended.outcome} after {ended.steps} steps{pace}: {scores}"
    console.say(summary, quiet=call.quiet)
    console.wrote([folder])
    return ending(ended, folder)


COMMANDS = {PROGRAM: command(PROGRAM, TrainOptions, TrainInvocation, train)}
