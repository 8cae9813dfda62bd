"""The README's commands and code, run as they stand, one after another in one folder."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]*?) -->\n)?^```(?P<kind>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
INTERPRETERS = {"sh": ["sh", "-eu"], "python": [sys.executable, "-W", "error", "-"]}


@dataclass(frozen=True)
class Block:
    """A fenced block; `reason` says why it is not run."""

    kind: str
    code: str
    line: int
    reason: str


def blocks() -> list[Block]:
    text = README.read_text(encoding="utf-8")
    return [
        Block(
            m["kind"], m["code"], text.count("\n", 0, m.start("code")), (m["reason"] or "").strip()
        )
        for m in BLOCK.finditer(text)
    ]


def test_every_block_is_run_or_says_why_not() -> None:
    found = blocks()
    assert found and README.read_text(encoding="utf-8").count("\n```") == 2 * len(found)
    for block in found:
        assert block.kind in INTERPRETERS or block.reason, f"line {block.line}: {block.kind}"
    assert {"sh", "python"} <= {block.kind for block in found if not block.reason}


def test_the_blocks_run_in_order(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for block in blocks():
        if block.reason:
            continue
        done = subprocess.run(
            INTERPRETERS[block.kind],
            input=block.code,
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"README.md, line {block.line}:\n{block.code}{done.stderr}"
