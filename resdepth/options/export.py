"""Options of `resdepth export`."""

from pathlib import Path
from typing import ClassVar, Literal

from resdepth.options.base import Options, option


class ExportOptions(Options):
    """Which weights to write, and how."""

    OLD_NAMES: ClassVar[dict[str, str]] = {"by_run": ""}

    sources: tuple[Path, ...] = option(
        ..., "run folders or checkpoint files", positional=True, min_length=1
    )
    format: Literal["pth", "safetensors", "npz"] = option("pth", "file format")
    out: Path = option(
        Path("exported_models"), "folder to write into; DIR/{run} writes a folder for each run"
    )

    @property
    def by_run(self) -> bool:
        """Whether each run has a folder."""
        return self.out.name == "{run}"

    @property
    def folder(self) -> Path:
        """The folder that is written into, or that holds the folders of the runs."""
        return self.out.parent if self.by_run else self.out
