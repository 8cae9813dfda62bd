"""`resdepth export`."""

import json

from resdepth.cli import console
from resdepth.cli.parameters import command
from resdepth.options.export import ExportInvocation, ExportOptions


def export(options: ExportOptions, call: ExportInvocation, given: frozenset[str]) -> None:
    """Write the weights of runs or checkpoint files as resnet_<L>.<format>.

    A run gives its newest checkpoint. A .pth file is a Python list of L tensors (d, d) that
    torch.load(weights_only=True) reads; .safetensors and .npz hold one array 'blocks' (L, d, d).
    """
    from resdepth.experiment.export import export as write

    paths = write(options.sources, options.out, options.format, by_run=options.by_run)
    if call.json_:
        print(json.dumps({"files": [str(path) for path in paths]}))
    console.wrote(paths, aside=call.json_)


COMMANDS = {"export": command("export", ExportOptions, ExportInvocation, export)}
