"""`resdepth train`."""

from resdepth.cli import console
from resdepth.cli.opening import conducted, ending
from resdepth.cli.parameters import command
from resdepth.options.train import TrainInvocation, TrainOptions
from resdepth.runs.manifest import Manifest

PROGRAM = "train"


def train(options: TrainOptions, call: TrainInvocation, given: frozenset[str]) -> int:
    """Train a residual network of L layers and record its weights as a path through the layers.

    The run folder holds the manifest, TensorBoard events, checkpoints and the exported weights.
    Ctrl-C, SIGTERM, SIGHUP or SIGUSR1 end the run after the step with a checkpoint; --resume
    continues it to the same bits it would have reached.
    """
    folder, ended = conducted(PROGRAM, options, call, given)
    _summary(ended, quiet=call.quiet)
    console.wrote([folder])
    return ending(ended, folder)


def _summary(manifest: Manifest, *, quiet: bool) -> None:
    names = ("loss", "accuracy", "val/loss", "val/accuracy")
    parts = [f"{name} {manifest.final[name]:.4g}" for name in names if name in manifest.final]
    pace = f", {1e3 * manifest.seconds_per_step:.3g} ms a step" if manifest.seconds_per_step else ""
    console.say(
        f"{manifest.outcome} after {manifest.steps} steps{pace}: {', '.join(parts)}", quiet=quiet
    )


COMMANDS = {PROGRAM: command(PROGRAM, TrainOptions, TrainInvocation, train)}
