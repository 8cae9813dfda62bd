"""What the stress scripts share: their command line, chance, warm processes, a place to work in."""

import argparse
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.process import Workers


@dataclass(frozen=True)
class Stress:
    """How often, by which chance, with which processes and where."""

    count: int
    chance: random.Random
    workers: Workers
    folder: Path


@contextmanager
def stress(about: str, what: str, count: int) -> Iterator[Stress]:
    """Read `--<what> N` (default `count`) and `--seed`; the folder stays where something is wrong.

    Nothing is read from or written to the user's own cache.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument(f"--{what}", type=int, default=count, dest="count")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix=f"{what}-"))
    os.environ.setdefault("XDG_CACHE_HOME", str(folder / "cache"))
    yield Stress(arguments.count, random.Random(arguments.seed), Workers(), folder)
    shutil.rmtree(folder)
