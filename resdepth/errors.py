"""The catalogue of everything that can go wrong, each with its message, hint and exit code.

Every error a user can meet is a subclass of `ResdepthError` here. A message is one line that says
what is wrong and where; the hint says what to do about it. Exit code 2 marks an invocation that is
wrong by itself, 1 a failure of a correct one. Only the command line prints them.
"""

import errno
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar


class ResdepthError(Exception):
    """Base of the catalogue: every error of resdepth that a user can do something about.

    `str(error)` says what and where in one line, `advice()` what to do, `exit_code` is that of the
    command line. `template` and `hint` are filled from the keyword arguments.
    """

    template: ClassVar[str]
    hint: ClassVar[str] = ""
    exit_code: ClassVar[int] = 1

    def __init__(self, **context: object) -> None:
        self.context = context
        super().__init__(" ".join(self.template.format(**context).split()))

    def advice(self) -> str:
        """The hint with the context filled in; empty where there is none."""
        return " ".join(self.hint.format(**self.context).split())


class OptionInvalid(ResdepthError, ValueError):
    """An option's value is of the wrong kind or out of its range.

    `command` is the command that has the option, `options` its class in Python.
    """

    template = "{flag}: {reason}"
    hint = "see 'resdepth {command} --help' for the range of every option"
    exit_code = 2

    def advice(self) -> str:
        """Where to look up the option."""
        if "options" in self.context:
            return f"see help({self.context['options']}) for every option"
        return super().advice()


class OptionConflict(ResdepthError, ValueError):
    """Two options, or an option and the data, do not fit together."""

    template = "{flag}: {reason}"
    hint = "{remedy}"
    exit_code = 2


class ConfigKeyUnknown(ResdepthError):
    """A configuration file names an option that does not exist."""

    template = "{path}: unknown option '{key}'"
    hint = "{suggestion}"
    exit_code = 2


class ConfigUnreadable(ResdepthError):
    """A configuration file cannot be read, or is no YAML mapping of options."""

    template = "{path}: {reason}"
    hint = "'--print-config' writes one to start from"
    exit_code = 2


class OldSpellingUnknown(ResdepthError):
    """A dotted option of the old command lines that has no counterpart."""

    template = "{flag}: no such option in the old spelling either"
    hint = "see 'resdepth {command} --help' for the options there are"
    exit_code = 2


class PathMissing(ResdepthError):
    """A file or folder named on the command line is not there."""

    template = "{path}: no such {kind}"
    hint = "check the spelling; relative paths start from the working folder"
    exit_code = 2


class OutputExists(ResdepthError):
    """The output folder holds something already."""

    template = "{path}: the folder exists and is not empty"
    hint = "--resume {path} continues it, --overwrite replaces it, --out takes another place"
    exit_code = 2


class NotEmpty(ResdepthError):
    """A study was to begin in a folder that holds something else."""

    template = "{path}: the folder exists and is not empty, but no study: it has no study.yaml"
    hint = "name another folder; if the folder was a study, restore its study.yaml"
    exit_code = 2


class NotARun(ResdepthError):
    """A folder that should be a run has no readable manifest."""

    template = "{path}: not a run folder: {reason}"
    hint = "a run is what 'resdepth train' wrote: a folder with a manifest.json"


class RunBusy(ResdepthError):
    """Another process trains in the run folder."""

    template = "{path}: {owner} is training in this folder"
    hint = "wait for it or stop it; if it is gone for good, remove {lock}"


class WriteFailed(ResdepthError):
    """The operating system refused to write."""

    template = "{path}: cannot write: {reason}"
    hint = "choose another place with --out; no file is half-written"


class DiskFull(WriteFailed):
    """There is no room to write, on the disk or within what its user may take of it."""

    hint = "free some space, or choose another place with --out; no file is half-written"


def write_failed(path: Path, error: OSError) -> WriteFailed:
    """What the operating system said when it refused to write `path`."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return (DiskFull if full else WriteFailed)(path=path, reason=error.strerror or error)


class SystemRefused(ResdepthError):
    """The operating system refused something that no other error speaks of."""

    template = "{path}: {reason}"
    hint = "the operating system said so; see to it, then repeat the command"


class Unreadable(ResdepthError):
    """The operating system refused to read a file that is there."""

    template = "{path}: cannot be read: {reason}"
    hint = "nothing is known of what it holds; see to its permissions, its place or its disk"


def unreadable(path: Path, error: OSError) -> Unreadable:
    """What the operating system said when it refused to read `path`."""
    return Unreadable(path=path, reason=error.strerror or error)


class ResultUnwritable(ResdepthError):
    """Standard output takes no results."""

    template = "standard output: cannot write: {reason}"
    hint = "the results did not arrive; files that the command wrote are whole"


class CompletionFailed(ResdepthError):
    """Completion cannot be put where shells look for it."""

    template = "--install-completion: {reason}"
    hint = "--show-completion prints the script, to put where your shell reads it"


class LibraryUnloadable(ResdepthError):
    """A library that the command needs is there, but cannot be loaded, or is not there."""

    template = "{name} cannot be loaded: {reason}"
    hint = "{remedy}"


class FileCorrupt(ResdepthError):
    """A file that is read does not hold what it should."""

    template = "{path}: {reason}"
    hint = "{remedy}"


class FileChanged(FileCorrupt):
    """A file whose checksum does not agree: it holds something else than was written."""


class WeightsForeign(FileCorrupt):
    """A file of tensors none of which is known to be the path: somebody else's network."""


class FileUnsafe(ResdepthError):
    """A pickled file asks for more than plain tensors."""

    template = "{path}: refused: the pickle asks for {name}, which is code"
    hint = (
        "only lists and dictionaries of plain tensors are read; convert the file where you trust it"
    )


class DataMissing(ResdepthError):
    """A data set is neither on disk nor to be downloaded."""

    template = "{data}: the data set is not in {path} and could not be downloaded ({reason})"
    hint = "{remedy}"


class DataInvalid(ResdepthError):
    """A data set is there but cannot be used."""

    template = "{path}: {reason}"
    hint = "{remedy}"


class DeviceUnavailable(ResdepthError):
    """The device that was asked for is not on this machine."""

    template = "--device={device}: {reason}"
    hint = "--device=auto takes the best device there is"
    exit_code = 2


class EngineUnavailable(ResdepthError):
    """The engine that was asked for cannot run this network here."""

    template = "--engine={engine}: {reason}"
    hint = "--engine=auto takes the fastest engine that can"
    exit_code = 2


class MemoryExhausted(ResdepthError):
    """The machine has not enough memory for what was asked."""

    template = "out of memory: {reason}"
    hint = "use a smaller network, smaller batches or a part of the data"


class Diverged(ResdepthError):
    """Training ended in a loss that is not finite."""

    template = "training diverged at step {step}{place}: the loss is {loss}"
    hint = "a smaller --lr, or --dynamic-lr; the last good weights are in {path}"


class ResumeChanged(ResdepthError):
    """A resumed run was given another value of an option."""

    template = "{flag}: the run in {path} has {recorded}, not {given}"
    hint = "a resumed run keeps its options; only --epochs may grow"
    exit_code = 2


class NotAStudy(ResdepthError):
    """A folder that should be a study holds no plan."""

    template = "{path}: not a study: it has no study.yaml"
    hint = "check the spelling; a study is a folder that 'resdepth study run' began"
    exit_code = 2


class SurfaceChanged(ResdepthError):
    """A surface that goes on was asked for in another way."""

    template = "--resume: {path} was begun with another {what}"
    hint = "repeat its options, or leave --resume out to begin anew"
    exit_code = 2


class StudyChanged(ResdepthError):
    """A study that is resumed was given another value of an option."""

    template = "{flag}: the study in {path} has {recorded}, not {given}"
    hint = "depths, seeds and epochs can be added; for anything else begin a new study: {command}"
    exit_code = 2


class ExtraMissing(ResdepthError):
    """An executor needs a package that is not installed."""

    template = "--executor={executor}: the package '{package}' is not installed"
    hint = "install it with 'pip install {whole}'"
    exit_code = 2


class ProgramMissing(ResdepthError):
    """Something can only be done by a program that is not installed, or that failed."""

    template = "{path}: {program} {reason}"
    hint = "{remedy}"


class ExecutorFailed(ResdepthError):
    """Slurm or Dask refused what was asked of it."""

    template = "--executor={executor}: {reason}"
    hint = "the cells that were finished stay; the same command goes on with the others"


class WorkerLost(ResdepthError):
    """The process that trains cells is gone."""

    template = "the worker process for {cell} {reason}{printed}"
    hint = "the same command goes on from the last checkpoint"


class DepthTwice(ResdepthError):
    """Two exported runs would be written to one file."""

    template = "{first} and {second} are both of depth {depth} and would share one file"
    hint = "{remedy}"
    exit_code = 2


class ModelsMissing(ResdepthError):
    """No weights where an analysis looks for them."""

    template = "{path}: no trained weights found{detail}"
    hint = "give a run, its exported_models/, or a folder of .pth, .safetensors or .npz files"


class PatternMissing(ResdepthError):
    """Weights of others without a word on which of them are the layers."""

    template = "--pattern: is needed: {path} holds {families} of layers, which are listed above"
    hint = "{example}"
    exit_code = 2


class PatternUnmatched(ResdepthError):
    """A pattern that no tensor of a checkpoint fits."""

    template = "{path}: no tensor is called '{pattern}'"
    hint = "{near}"
    exit_code = 2


class AnalysisImpossible(ResdepthError):
    """The input is readable, but the analysis has no answer for it."""

    template = "{path}: {reason}"
    hint = "{remedy}"


class EventsMissing(AnalysisImpossible):
    """No event file, or no such scalar in it."""


def no_events(path: Path, where: str) -> EventsMissing:
    """There is no event file `where`, as in "in this folder"."""
    remedy = "the names of event files contain 'tfevents'"
    return EventsMissing(path=path, reason=f"no event file {where}", remedy=remedy)


def no_scalar(path: Path, tag: str, known: Iterable[str]) -> EventsMissing:
    """The events at `path` have the scalars `known`, but not `tag`."""
    remedy = f"recorded are: {', '.join(sorted(known)) or 'none'}"
    return EventsMissing(path=path, reason=f"no scalar '{tag}'", remedy=remedy)


class RunsDiffer(ResdepthError):
    """Runs that are no repetitions of one experiment were given together."""

    template = "{first} and {second} are no repetitions: {what} is {ours} and {theirs}"
    hint = (
        "look at them one by one; --allow-mixed, in Python pooled(models, allow_mixed=True), takes "
        "them together all the same"
    )
    exit_code = 2


class NotConverged(ResdepthError):
    """An iteration for eigenvalues ended before all of them were found."""

    template = "eigenvalues: {found} of {wanted} converged in {products} products"
    hint = "ask for fewer of them, or accept larger residuals"


class NoDisplay(ResdepthError):
    """A window was asked for where none can open."""

    template = "--show: there is no display to open a window on"
    hint = "the figure is written all the same: {path}"
