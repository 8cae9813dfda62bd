"""A study that is killed at random moments: the same bits as one that was left alone.

    python benchmarks/stress_study.py [--kills 50] [--seed 0]

Each kill is a SIGKILL of `study run`, at a moment within the time that one left alone
takes; then the same command goes on. A study that has finished is compared and begun anew.
Exit code 1 where weights or scalars differ, or where a cell that had finished was touched again.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support import studies
from tests.support.process import Workers
from tests.support.runs import assert_same, whole

STUDY = ("study", "run", "study", "--workers", "2", "--quiet", *studies.LONG.split())


def finished(study: Path) -> dict[str, bytes]:
    """The manifests of the cells that have ended."""
    texts = {path.parent.name: path.read_bytes() for path in study.glob("cells/*/manifest.json")}
    return {name: text for name, text in texts.items() if b'"outcome": "finished"' in text}


def main() -> None:
    """Kill, go on, compare, count."""
    parser = argparse.ArgumentParser(description="Kill a study at random moments.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)
    workers, folder = Workers(), Path(tempfile.mkdtemp(prefix="study-"))
    (folder / "alone").mkdir()
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    began = time.monotonic()
    if workers.run(*STUDY, cwd=folder / "alone").code:
        sys.exit("the study that was left alone has failed")
    length = time.monotonic() - began
    alone, study, wrong, compared = folder / "alone/study", folder / "study", 0, 0
    kept: dict[str, bytes] = {}
    for kill in range(arguments.kills + 1):
        process, wait = workers.start(*STUDY, cwd=folder)
        if kill < arguments.kills:
            process.join(moments.uniform(0, length))
            process.kill()
        ended = wait()
        now = finished(study)
        wrong += any(now.get(name) != text for name, text in kept.items())
        kept = now
        if ended.code == 0:
            compared += 1
            assert studies.files(study) == studies.files(alone)
            for name, path in studies.cells(study).items():
                assert_same(whole(path), whole(alone / "cells" / name))
            shutil.rmtree(study)
            kept = {}
    print(f"{arguments.kills} kills, {compared} studies to the same bits, {wrong} touched again")
    shutil.rmtree(folder)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
