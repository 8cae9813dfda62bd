"""The `resdepth` executable: a tree of commands, each imported when it is named."""

import os
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from resdepth.cli import console, signals, spelling
from resdepth.cli.console import HELP
from resdepth.errors import ResdepthError, System

try:
    import resource
except ImportError:  # Windows bounds no process so.
    resource = None  # type: ignore[assignment]

Tree = dict[str, "str | tuple[str, Tree]"]
COMMANDS: Tree = {
    "train": "Train a residual network and record its weights.",
    "export": "Export trained weights as files.",
    "paths": (
        "Analyse weights as a path through the layers.",
        {
            "norm": "Draw the norms of the layers against k/L; print p-variation norms.",
            "weights": "Draw single entries of the weights along the layers.",
            "profile": "Draw the p-variation norm against p, with the critical exponent.",
            "scaling": "Estimate how the weights scale with the depth, and their limit.",
        },
    ),
    "study": (
        "Train one experiment at many depths and seeds.",
        {
            "run": "Create a study, resume it or extend it.",
            "status": "Show the state of each cell.",
            "probe": "Find the learning rate of a study with --lr auto.",
            "retry": "Resume a study, and train failed cells again.",
            "cancel": "Stop running cells, and keep the others from starting.",
            "report": "Write the report: verdict, tables, figures.",
        },
    ),
    "limit": "Tell which limit weights and network approach, seed by seed.",
    "transfer": "Tell whether the best learning rate transfers across depth.",
    "curvefit": "Fit C / (t + T0)^rho to a recorded scalar.",
    "landscape": (
        "Evaluate and draw the loss around trained weights.",
        {
            "render": "Evaluate the loss on a grid around the weights of a run.",
            "trajectory": "Draw the path of training on the loss surface.",
            "vis": "Draw a rendered loss surface.",
        },
    ),
    "spectrum": "Compute the curvature of the loss: eigenvalues, traces by layer.",
    "resnet-cifar": "Train He's residual networks on CIFAR-10.",
}
"""The commands with the line that the overview shows."""
MOVED = {
    "critical": "'critical' is now a script of the repository: python reproduce/critical.py --help"
}
"""Former commands, and where they are now."""


class LazyCommand(TyperCommand):
    """A command that imports its module when it is first parsed, so that `--help` stays fast."""

    def __init__(self, path: tuple[str, ...], summary: str) -> None:
        super().__init__(path[-1], help=summary, rich_markup_mode=None)
        self.path = path

    def load(self) -> TyperCommand:
        """The real command: the object <last word> of `resdepth.cli.<first word>`."""
        module, *_, name = (word.replace("-", "_") for word in (self.path[0], *self.path))
        command: TyperCommand = getattr(import_module(f"resdepth.cli.{module}"), name)
        return command

    def make_context(
        self, info_name: Any, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Parse with the real command, after old spellings have become ours."""
        command = self.load()
        console.COMMAND[:] = self.path
        ours = spelling.rewrite(command, args, " ".join(self.path))
        context = command.make_context(info_name, ours, parent, **extra)
        context.meta[spelling.DOTTED] = spelling.dotted(args)
        return context


class LazyGroup(TyperGroup):
    """A group whose commands come from a tree of summaries."""

    tree: Tree = COMMANDS
    path: tuple[str, ...] = ()

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, entry in self.tree.items():
            path = (*self.path, name)
            if isinstance(entry, str):
                self.add_command(LazyCommand(path, entry))
                continue
            kind = type("SubGroup", (LazyGroup,), {"tree": entry[1], "path": path})
            self.add_command(kind(name=name, help=entry[0], **_SHARED))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first word names; an error for a command that has moved."""
        if not self.path and args[0] in MOVED:
            ctx.fail(MOVED[args[0]])
        return super().resolve_command(ctx, args)


SUMMARY = "The weights of very deep residual networks as paths through the layers."
_SHARED: dict[str, Any] = {"no_args_is_help": True, "rich_markup_mode": None}
app = typer.Typer(cls=LazyGroup, name="resdepth", help=SUMMARY, context_settings=HELP, **_SHARED)


def _print_version(requested: bool) -> None:
    if requested:
        print(f"resdepth {version('resdepth')}")
        raise typer.Exit()


_VERSION: Any = typer.Option(
    False, "--version", help="Print the version and exit.", callback=_print_version, is_eager=True
)


@app.callback(help=SUMMARY)
def root(version: bool = _VERSION) -> None:
    """Print the version if it is requested."""


TOO_LARGE = ("alloc", "array is too big", "Maximum allowed dimension")
"""Parts of the messages of torch and numpy for a size beyond the memory."""
INTERRUPTED = 130
NO_ROOM = ("failed to map segment", "cannot allocate memory", "cannot create shared object")
"""Parts of the messages of the dynamic loader for a library that does not fit."""


def run() -> int:
    """Run the command line; every failure is one line, and an exit code that is returned."""
    console.settle_environment()
    try:
        code = get_command(app).main(prog_name="resdepth", standalone_mode=False)
        sys.stdout.flush()
    except ResdepthError as error:
        code = console.fail(error)
    except typer.Abort:
        code = signals.exit_code()
    except console.ParserError as error:
        code = console.misuse(error)
    except BrokenPipeError:
        code = 1  # The reader of a pipe has gone.
    except Exception as error:
        known = _known(error)
        if known is None:
            raise
        code = console.fail(known)
    if code == INTERRUPTED:
        # The code of the parser for a KeyboardInterrupt after any signal.
        return signals.exit_code()
    return code if isinstance(code, int) else 0


def _known(error: Exception) -> ResdepthError | None:
    """The error for something that the machine refused; None for a fault of this package."""
    text = _first_line(error)
    homeless = isinstance(error, RuntimeError) and "home directory" in text
    if "--install-completion" in sys.argv and (isinstance(error, OSError) or homeless):
        remedy = "--show-completion prints the script, to put where your shell reads it"
        return System("--install-completion", text, remedy)
    memory = isinstance(error, MemoryError) or (isinstance(error, SystemError) and _bounded())
    large = isinstance(error, RuntimeError | ValueError) and any(w in text for w in TOO_LARGE)
    if memory or large:
        remedy = "use a smaller network, smaller batches or a part of the data"
        return System("out of memory", text or "an allocation failed", remedy)
    if isinstance(error, ImportError) and not str(error.name).startswith("resdepth"):
        return _unloadable(error)
    if isinstance(error, OSError) and error.errno is not None:
        place = "the system" if error.filename is None else Path(os.fsdecode(error.filename))
        remedy = "the operating system reported this; correct it, then repeat the command"
        return System(place, error.strerror, remedy)
    return None


def _bounded() -> bool:
    """Whether `ulimit -v` is set; C code that meets the bound may fail without a reason."""
    return bool(resource) and resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def _unloadable(error: ImportError) -> System:
    cause: BaseException = error
    while isinstance(cause.__cause__ or cause.__context__, ImportError):
        cause = cause.__cause__ or cause.__context__ or cause
    text = _first_line(cause)
    small = any(word in text.lower() for word in NO_ROOM)
    remedy = "about 4 GiB of address space are needed (ulimit -v)" if small else "install it again"
    # The name of an extension module is relative to its package; its path has the package.
    _, _, below = str(error.path or "").rpartition("site-packages/")
    name = below.partition("/")[0] or str(error.name or "a library").partition(".")[0]
    return System(name, f"cannot be loaded: {text}", remedy)


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), "")
