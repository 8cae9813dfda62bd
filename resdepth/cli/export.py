"""`resdepth export`."""

from resdepth.cli import console
from resdepth.cli.parameters import command
from resdepth.cli.picture import origin_of
from resdepth.options.base import AnalysisInvocation
from resdepth.options.export import ExportOptions


@command("export")
def export(options: ExportOptions, call: AnalysisInvocation) -> None:
    """Write the weights of runs or checkpoint files as resnet_<L>.<format>.

    The newest checkpoint of a run is exported. A .pth file is a Python list of L tensors (d, d)
    that torch.load(weights_only=True) reads; .safetensors and .npz hold one array 'blocks' of shape
    (L, d, d).
    """
    from resdepth.records import as_json, with_provenance
    from resdepth.training.weight_export import export as write
    from resdepth.training.weight_export import sources_of

    paths = write(options.sources, options.folder, options.format, by_run=options.by_run)
    if call.json_:
        read = [file for source in options.sources for file in sources_of(source)]
        numbers = with_provenance({"files": paths}, origin_of(options, read))
        print(as_json(numbers, indent=None))
    console.wrote(paths, aside=call.json_)
