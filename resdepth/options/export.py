"""Options of `resdepth export`."""

from pathlib import Path
from typing import Literal

from resdepth.options.base import AnalysisInvocation, Options, option


class ExportOptions(Options):
    """Which weights to write, and how."""

    sources: tuple[Path, ...] = option(
        ..., "run folders or checkpoint files", positional=True, min_length=1
    )
    format: Literal["pth", "safetensors", "npz"] = option("pth", "file format")
    by_run: bool = option(False, "write OUT/<run name>/resnet_<L>", flags=("--by-run",))
    out: Path = option(Path("exported_models"), "folder to write into")


class ExportInvocation(AnalysisInvocation):
    """One call of `export`."""
