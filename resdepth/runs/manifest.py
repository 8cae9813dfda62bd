"""`manifest.json`: the options of a run, its command, its machine, and how it ended."""

import json
import platform
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from typing_extensions import TypedDict  # Python 3.11's own carries no configuration.

from resdepth.atomic import write_text
from resdepth.cores import available_threads
from resdepth.errors import Corrupt, Usage, not_a_run, unreadable
from resdepth.options.programs import flat_record, nested_record
from resdepth.runs.checksum import KEY, checksum

FORMAT = 2
"""Options in groups; format 1 has them flat."""
NAME = "manifest.json"
PACKAGES = ("resdepth", "pvar", "torch", "numpy", "scipy", "safetensors", "tensorboard")
Outcome = Literal["running", "finished", "interrupted", "diverged", "failed"]
REMEDY = "restore the file, or train again"


class Detail(TypedDict, total=False):
    """Details of an outcome.

    Diverged: `step`, `loss` (as text: JSON has no infinity), `layer`. Interrupted: `signal`.
    Failed: `error`. `evaluated_at` is the step of `final` if that is not the last; `reached` is the
    step at which the training loss reached `stop_loss`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    step: int
    loss: str
    layer: int
    signal: int
    error: str
    evaluated_at: int
    reached: int


class Parent(TypedDict):
    """The checkpoint that a run started from: its absolute path and SHA-256, and whose it is."""

    checkpoint: str
    sha256: str
    depth: int
    seed: int
    step: int


class Manifest(BaseModel):
    """The record of one run.

    `options` are all resolved options of `program` by their flat names; in the file they are also
    in groups. `device`, `engine` and `threads` are those used. `steps` counts updates;
    `seconds_per_step` is the median without set-up, validation and checkpoints, or the mean if
    logging and p-variation ran in parallel (`overlapped`). `final` are the last metrics over the
    whole training and validation set. `data` is the fingerprint of the data set, `parent` the
    origin of the weights of `init=run`, `sha256` the checksum of everything else in the file; ""
    means not recorded.
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
    parent: Parent | None = None
    sha256: str = ""


def new_manifest(program: str, options: Mapping[str, Any], command: list[str]) -> Manifest:
    """The manifest of a run that starts now."""
    return Manifest(
        program=program,
        command=command,
        options=dict(options),
        seed=int(options["seed"]),
        versions=versions(),
        platform=machine(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        threads=int(options.get("threads") or available_threads()),
    )


def machine() -> str:
    """Operating system, processor architecture and version of Python."""
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"


@cache
def versions() -> dict[str, str]:
    """Versions of the installed packages that affect results, without importing them."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def write_manifest(run: Path, manifest: Manifest) -> None:
    """Write the manifest of `run` with its checksum."""
    content = manifest.model_dump(mode="json", exclude={KEY}) | {"format": FORMAT}
    groups = nested_record(manifest.program, manifest.options)
    # Scripts read options from manifests by their flat names, as format 1 has them.
    content["options"] = {**manifest.options, **groups}
    content[KEY] = checksum(content)
    write_text(run / NAME, json.dumps(content, indent=2) + "\n")


def run_of(path: Path) -> Path | None:
    """The run that a file belongs to: RUN/checkpoints/x or RUN/exported_models/x."""
    run = path.resolve().parent.parent
    return run if (run / NAME).is_file() else None


def read_manifest(run: Path) -> Manifest:
    """The manifest of the run folder `run`.

    Raises Missing if there is none, System if it cannot be read, Corrupt if it is not one of this
    format or was changed.
    """
    path = run / NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        reason = "it is a file" if run.is_file() else "no such folder"
        reason = "it has no manifest.json" if run.is_dir() else reason
        raise not_a_run(run, reason) from None
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, RecursionError) as error:
        raise Corrupt(path, f"not JSON ({error})", REMEDY) from None
    found = content.get("format") if isinstance(content, dict) else None
    if found not in (1, FORMAT):
        reason = f"manifest format {found}, not 1 or {FORMAT}"
        raise Corrupt(path, reason, "use the version that wrote it")
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Corrupt(path, f"{where}: {first['msg']}", REMEDY) from None
    if manifest.sha256 and checksum(content) != manifest.sha256:
        reason = "wrong checksum: the file was changed after it was written"
        remedy = f"restore it; if the change was intended, remove its line '{KEY}'"
        raise Corrupt(path, reason, remedy)
    try:
        options = flat_record(manifest.program, manifest.options)
    except Usage as error:
        raise Corrupt(path, f"`{error.where}`: {error.what}", REMEDY) from None
    return manifest.model_copy(update={"options": options})
