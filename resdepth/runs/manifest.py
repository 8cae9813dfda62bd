"""`manifest.json`: what a run is, how it was called, what it ran on, and how it ended."""

import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from typing_extensions import TypedDict  # Python 3.11's own carries no configuration.

from resdepth.atomic import write_text
from resdepth.cores import available_threads
from resdepth.errors import Corrupt, not_a_run, unreadable
from resdepth.runs.checksum import KEY, checksum

FORMAT = 1
NAME = "manifest.json"
PACKAGES = ("resdepth", "pvar", "torch", "numpy", "scipy", "safetensors", "tensorboard")
Outcome = Literal["running", "finished", "interrupted", "diverged", "failed"]
REMEDY = "restore the file, or train again"


class Detail(TypedDict, total=False):
    """What an outcome has to add.

    `step`, `loss` (as text: JSON has no infinity) and `layer` say where training diverged, `signal`
    what interrupted it, `error` why it failed; `evaluated_at` is the step that `final` belongs to
    where that is not the last; `reached` is the step at which the loss to stop at was there.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    step: int
    loss: str
    layer: int
    signal: int
    error: str
    evaluated_at: int
    reached: int


class Manifest(BaseModel):
    """The record of one run.

    `options` are all resolved options of `program`, `command` the command line; `device`, `engine`
    and `threads` are what really ran. `steps` counts updates done, `seconds_per_step` is the median
    over the steps without set-up, validation and checkpoints (the mean where logging and
    p-variation ran beside the steps: `overlapped`), `final` holds the last metrics over the whole
    training and validation set, `detail` what the outcome has to add. `data` is the fingerprint of
    the data set ("": not recorded), `sha256` the checksum of all else in the file ("": none).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    program: str = "train"
    command: list[str]
    options: dict[str, Any]
    seed: int
    versions: dict[str, str]
    platform: str
    started: str
    device: str = ""
    engine: str = ""
    threads: int = 0
    outcome: Outcome = "running"
    detail: Detail = {}
    steps: int = 0
    seconds_per_step: float | None = None
    overlapped: bool = False
    final: dict[str, float] = {}
    data: str = ""
    sha256: str = ""


def new_manifest(
    program: str, options: Mapping[str, Any], command: list[str], started: str
) -> Manifest:
    """A manifest at the start of a run."""
    return Manifest(
        program=program,
        command=command,
        options=dict(options),
        seed=int(options["seed"]),
        versions=versions(),
        platform=machine(),
        started=started,
        threads=int(options.get("threads") or available_threads()),
    )


def machine() -> str:
    """The operating system, the processor's architecture and the version of Python."""
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"


def versions() -> dict[str, str]:
    """Versions of the packages that matter, without importing them."""
    found = {package: _version(package) for package in PACKAGES}
    return {package: known for package, known in found.items() if known is not None}


@cache
def _version(package: str) -> str | None:
    """The version of a package, None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def write_manifest(run: Path, manifest: Manifest) -> None:
    """Put the manifest of `run` in place, with its checksum."""
    content = manifest.model_dump(mode="json", exclude={KEY})
    content[KEY] = checksum(content)
    write_text(run / NAME, json.dumps(content, indent=2) + "\n")


def run_of(path: Path) -> Path | None:
    """The run that a file lies in: RUN/checkpoints/x or RUN/exported_models/x."""
    run = path.resolve().parent.parent
    return run if (run / NAME).is_file() else None


def read_manifest(run: Path) -> Manifest:
    """The manifest of the run folder `run`.

    Raises
    ------
    Missing
        There is none.
    Corrupt
        It is not a manifest of a format this version reads, or not the one that was written.
    """
    path = run / NAME
    content = _read_json(run, path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        reason = f"manifest format {found}, not {FORMAT}"
        raise Corrupt(path, reason, "use the version that wrote it")
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Corrupt(path, f"{where}: {first['msg']}", REMEDY) from None
    if manifest.sha256 and checksum(content) != manifest.sha256:
        raise Corrupt(
            path,
            "its checksum does not agree: it was changed after it was written",
            f"restore it; or remove its line '{KEY}' where the change was meant",
        )
    return manifest


def _read_json(run: Path, path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        reason = "it has no manifest.json" if run.is_dir() else "no such folder"
        raise not_a_run(run, reason) from None
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, RecursionError) as error:
        raise Corrupt(path, f"not JSON ({error})", REMEDY) from None
