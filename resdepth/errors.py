"""Errors, one class for each thing that the caller can do about them, and those raised often.

Texts name an option by its field, between backticks; the command line turns it into the flag.
"""

from pathlib import Path


class ResdepthError(Exception):
    """Base class: `str(error)` is "where: what" in one line, `remedy` says what to do.

    `where` is a Path (`is_path`; a file may be called like an option), a name, or the field of an
    option, as in "engine=cuda". `exit_code` is 2 for a wrong invocation, 1 for a failure.
    """

    exit_code: int = 1

    def __init__(self, where: object, what: object, remedy: object = "") -> None:
        texts = (where, what, remedy)
        self.where, self.what, self.remedy = (" ".join(str(text).split()) for text in texts)
        self.is_path = isinstance(where, Path)
        super().__init__(f"{self.where}: {self.what}")


class Usage(ResdepthError, ValueError):
    """An option is wrong by itself, or does not fit the others, the data or the machine."""

    exit_code = 2


class Missing(ResdepthError):
    """A file, a folder, weights or a record that should be there is not."""


class Exists(ResdepthError):
    """The output is already there."""

    exit_code = 2


class Corrupt(ResdepthError):
    """A file does not hold what it should."""


class Unsafe(ResdepthError):
    """A file asks for more than plain data."""


class Busy(ResdepthError):
    """Another process works in the folder."""


class Impossible(ResdepthError):
    """The input is valid, but there is no answer for it."""


class System(ResdepthError):
    """The operating system, another program or the network refused."""


class Diverged(ResdepthError):
    """Training ended in a loss that is not finite."""


def no_such(path: Path, kind: str) -> Missing:
    remedy = "check the spelling; relative paths start from the working folder"
    error = Missing(path, f"no such {kind}", remedy)
    error.exit_code = 2
    return error


def no_models(path: Path, detail: str = "") -> Missing:
    remedy = "give a run, its exported_models/, or a folder of .pth, .safetensors or .npz files"
    return Missing(path, f"no trained weights found{detail}", remedy)


def not_a_run(path: Path, reason: str) -> Missing:
    remedy = "a run is a folder written by 'resdepth train', with a manifest.json"
    return Missing(path, f"not a run folder: {reason}", remedy)


def no_events(path: Path, where: str) -> Missing:
    return Missing(path, f"no event file {where}", "the names of event files contain 'tfevents'")


def occupied(folder: Path) -> Exists:
    remedy = f"`resume={folder}` resumes it, `overwrite` replaces it, or choose another `out`"
    return Exists(folder, "the folder exists and is not empty", remedy)


def unreadable(path: Path, error: OSError) -> System:
    remedy = "its contents are unknown; check its permissions and its disk"
    return System(path, f"cannot be read: {error.strerror or error}", remedy)


def executor_failed(executor: str, reason: str) -> System:
    """Slurm, Dask or the local workers refused what was requested of them."""
    remedy = "finished cells are kept; the same command trains the others"
    return System(f"executor={executor}", reason, remedy)


def resume_changed(field: str, run: Path, recorded: object, given: object) -> Usage:
    """A resumed run was given another value of an option."""
    remedy = "a resumed run keeps its options; only `epochs` may grow"
    return Usage(field, f"the run in {run} has {recorded}, not {given}", remedy)
