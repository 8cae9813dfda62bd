"""What messages and help tell a reader to type exists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from resdepth.cli.app import COMMANDS, LazyCommand
from resdepth.cli.reference import leaves

PACKAGE = Path(__file__).resolve().parent.parent / "resdepth"
OTHERS = {"--help", "--version", "--install-completion", "--show-completion"}
"""Options of the program itself and of every command."""
FOREIGN = {"--nv"}
"""Options of other programs in our examples."""
EXCEPT = {
    "cli/spelling.py",  # the table of old spellings
    "studies/slurm.py",  # options of sbatch and its neighbours
}

commands = list(leaves(COMMANDS, ()))
flags = OTHERS | {
    option
    for path, summary in commands
    for parameter in LazyCommand(path, summary).load().params
    for option in (*parameter.opts, *parameter.secondary_opts)
}
words = {"resdepth " + " ".join(path[:n]) for path, _ in commands for n in (1, 2)}

FILES = [str(file.relative_to(PACKAGE)) for file in sorted(PACKAGE.rglob("*.py"))]
each_file = pytest.mark.parametrize("name", [name for name in FILES if name not in EXCEPT])


def texts(name: str) -> Iterator[str]:
    """The strings of a module; what is filled in stands as a question mark."""
    tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
    inside = {
        part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "?" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside:
            yield node.value


@each_file
def test_options_in_messages_are_in_the_help(name: str) -> None:
    for text in texts(name):
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z](?![\w?-])", text):
            assert flag in flags | FOREIGN, text


@each_file
def test_commands_in_messages_exist(name: str) -> None:
    for text in texts(name):
        for command in re.findall(r"['`]resdepth ([a-z][a-z-]*(?: [a-z][a-z-]*)?)", text):
            first = command.split()[0]
            assert {f"resdepth {command}", f"resdepth {first}"} & words, text
