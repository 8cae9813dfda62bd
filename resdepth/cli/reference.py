"""`docs/cli.md`, written from the option models of the commands."""

from collections.abc import Iterator
from typing import Any

from resdepth.cli.app import COMMANDS, LazyCommand, Tree


def render() -> str:
    """The reference page of the command line, in Markdown."""
    lines = [
        "# Command line",
        "",
        "`make docs` generates this page from the options. Each option is also a key of the YAML",
        "file that `--config` reads; `--print-config` writes such a file. A flag overrides the",
        "file, and the file overrides the default. Values in the file have the same meaning as",
        "after a flag: `off` is a word, and `010` is ten. The options of `train` may be in groups",
        "or flat. An option that is given twice is an error.",
        "",
        "An option that has no effect together with the others is an error. In the thesis's",
        "spelling, as in `--data.num_workers`, it is ignored with a message. In every path, `~` is",
        "the home folder; a folder of that name is `./~`.",
    ]
    for path, summary in leaves(COMMANDS, ()):
        lines += _command(path, summary)
    return "\n".join(lines) + "\n"


def leaves(tree: Tree, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The commands of a tree: their words and their summaries."""
    for name, entry in tree.items():
        if isinstance(entry, tuple):
            yield from leaves(entry[1], (*path, name))
        else:
            yield (*path, name), entry


def _command(path: tuple[str, ...], summary: str) -> list[str]:
    command = LazyCommand(path, summary).load()
    title = " ".join(("resdepth", *path))
    lines = [
        "",
        f"## `{title}`",
        "",
        str(command.help or summary),
        "",
        "| option | meaning |",
        "|---|---|",
    ]
    return lines + [_row(parameter) for parameter in command.params if parameter.name != "help"]


def _row(parameter: Any) -> str:
    metavar = "" if getattr(parameter, "is_flag", False) else f" {parameter.metavar}"
    names = [*parameter.opts, *parameter.secondary_opts]
    if parameter.param_type_name == "argument":
        spelled = f"`{parameter.metavar}`"
    else:
        spelled = ", ".join(f"`{name}{metavar}`" for name in names)
    # A bar inside a cell would end it.
    spelled, meaning = (text.replace("|", "\\|") for text in (spelled, str(parameter.help)))
    return f"| {spelled} | {meaning} |"


if __name__ == "__main__":
    print(render(), end="")
