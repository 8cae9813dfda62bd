"""A study that is killed at random moments: the same bits as one that was left alone.

    python benchmarks/stress_study.py [--kills 50] [--seed 0]

Each kill is a SIGKILL of `study run`: four of five at a random moment of training, the others at
any moment since it was called; then the same command goes on. A study that has finished is compared
and begun anew. Exit code 1 where weights or scalars differ, where a cell that had finished was
touched again, or where nothing was left to compare.
"""

import shutil
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from stress import Stress, stress

from tests.support import studies
from tests.support.process import wait_until
from tests.support.runs import assert_same, whole

CELLS = f"{studies.SMALL} --depth 8,16 --seed 0:2 --epochs 400"
"""Four cells that train for about half a second each."""
STUDY = ("study", "run", "study", "--workers", "2", "--quiet", *CELLS.split())
ANYWHERE = 5
"""Every so many-th kill comes at any moment, also while nothing is trained yet."""


def finished(study: Path) -> dict[str, bytes]:
    """The manifests of the cells that have ended."""
    texts = {path.parent.name: path.read_bytes() for path in study.glob("cells/*/manifest.json")}
    return {name: text for name, text in texts.items() if b'"outcome": "finished"' in text}


def alone(given: Stress) -> tuple[float, float]:
    """Train the study undisturbed; seconds until something is trained, and until the end."""
    place = given.folder / "alone"
    place.mkdir()
    began = time.monotonic()
    _, wait = given.workers.start(*STUDY, cwd=place)
    wait_until(lambda: bool(studies.trainers(place / "study")))
    at_work = time.monotonic()
    if (ended := wait()).code:
        sys.exit(f"the study that was left alone has failed: {ended.stderr}")
    return at_work - began, time.monotonic() - began


def begun(process: Any, study: Path) -> bool:
    """Whether something is trained, or all is over."""
    return bool(studies.trainers(study)) or not process.is_alive()


def killed(given: Stress) -> tuple[int, int]:
    """How many studies were compared, and how often a finished cell was touched again."""
    until_work, length = alone(given)
    study, kept, wrong, compared = given.folder / "study", dict[str, bytes](), 0, 0
    for kill in range(given.count + 1):
        process, wait = given.workers.start(*STUDY, cwd=given.folder)
        if kill < given.count:
            anywhere = kill % ANYWHERE == 0
            if not anywhere:
                wait_until(partial(begun, process, study))
            process.join(given.chance.uniform(0, length if anywhere else length - until_work))
            process.kill()
        ended = wait()
        # What it had begun ends by itself.
        wait_until(lambda: not any(map(studies.alive, studies.trainers(study).values())))
        now = finished(study)
        wrong += any(now.get(name) != text for name, text in kept.items())
        kept = now
        if ended.code == 0:
            compared += 1
            compare(study, given.folder / "alone/study")
            shutil.rmtree(study)
            kept = {}
    return compared, wrong


def compare(study: Path, undisturbed: Path) -> None:
    """Weights, scalars and all other files of every cell."""
    assert studies.files(study) == studies.files(undisturbed)
    for name, path in studies.cells(study).items():
        assert_same(whole(path), whole(undisturbed / "cells" / name))


def main() -> None:
    """Kill, go on, compare, count."""
    with stress("Kill a study at random moments.", "kills", 50) as given:
        compared, wrong = killed(given)
        print(f"{given.count} kills, {compared} studies to the same bits, {wrong} touched again")
        if wrong or not compared:
            sys.exit(1)


if __name__ == "__main__":
    main()
