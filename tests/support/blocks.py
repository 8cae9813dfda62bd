"""Fenced blocks of a Markdown page, run in order in one folder."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from packaging.version import Version

from tests.support.process import Workers

# `run first` holds commands that a reader has run already, `not run` says why a block is left out.
FIRST = re.compile(r"<!-- run first: (?P<code>.*?) -->", re.DOTALL)
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]*?) -->\n)?^```(?P<kind>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# Early releases of matplotlib call functions that a new pyparsing warns of.
STRICT = ["-W", "error"] if Version(version("matplotlib")) >= Version("3.10.8") else []
INTERPRETERS = {"sh": ["sh", "-eu"], "python": [sys.executable, *STRICT, "-"]}
PROSE = {"text", "yaml", "bibtex"}
"""Kinds of blocks that are not code."""


@dataclass(frozen=True)
class Block:
    """A fenced block; `reason` says why it is not run, `first` marks what a reader has run."""

    kind: str
    code: str
    line: int
    reason: str
    first: bool


def blocks(page: Path) -> list[Block]:
    """The blocks of a page in order, including the one that is to be run first."""
    text = page.read_text(encoding="utf-8")
    found = [(m.start("code"), "sh", f"{m['code']}\n", "", True) for m in FIRST.finditer(text)]
    found += [
        (m.start("code"), m["kind"], m["code"], (m["reason"] or "").strip(), False)
        for m in BLOCK.finditer(text)
    ]
    return [
        Block(kind, code, text.count("\n", 0, place) + 1, reason, first)
        for place, kind, code, reason, first in sorted(found)
    ]


def openings(page: Path) -> list[str]:
    """The lines that open a block."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("```")][::2]


def run(block: Block, folder: Path, workers: Workers) -> str:
    """Run a block; return what went wrong, or an empty string."""
    if block.kind == "sh" and (commands := resdepth_commands(block.code)):
        for arguments, target in commands:
            ended = workers.run(*arguments, cwd=folder)
            if ended.code:
                return f"line {block.line}:\nresdepth {shlex.join(arguments)}\n{ended.stderr}"
            if target:
                (folder / target).write_text(ended.stdout)
        return ""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        INTERPRETERS[block.kind],
        input=block.code,
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else f"line {block.line}:\n{block.code}{done.stderr}"


def resdepth_commands(code: str) -> list[tuple[list[str], str]]:
    """Arguments and output file of each command, if `code` calls nothing but `resdepth`.

    Such commands run in processes that have torch imported already, which saves seconds for each.
    """
    commands = []
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        output = words.index(">") if ">" in words else len(words)
        if not words:
            continue
        if words[0] != "resdepth" or re.search(r"[|;&$*~]", line):
            return []
        commands.append((words[1:output], " ".join(words[output + 1 :])))
    return commands
