"""Runs that are killed at random moments: the same bits after they were continued, none stuck.

    python benchmarks/stress_kills.py [--kills 300] [--seed 0]

Trains, renders and trains He's network in forked processes; half of the kills come in the first
thirty milliseconds, the others anywhere. What was killed is continued as a user would: by --resume
where there is a manifest, else by the same command again. Exit code 1 where bits differ or a folder
accepts neither.
"""

import hashlib
import json
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

from safetensors.numpy import load_file
from stress import Stress, stress

from tests.support.events import points
from tests.support.pictures import picture_folder

EARLY = 0.03
"""Seconds of a process's first moments."""
TRAIN = (
    "train --depth 8 --width 4 --epochs 120 --train-fraction .2 --checkpoint-every 25 --threads 1"
)
CONVOLUTIONAL = "resnet-cifar --depth 8 --data folder --data-dir images --epochs 4 --batch-size 24"
COMMANDS = {
    "train": (*TRAIN.split(), "--val-every", "10", "--quiet"),
    "resnet-cifar": (*CONVOLUTIONAL.split(), "--threads", "1", "--quiet"),
    "render": (
        "landscape",
        "render",
        "around",
        *["--steps", "61", "--threads", "1", "--subset", "60"],
    ),
}


def digest(kind: str, place: Path) -> str:
    """Everything that must be the same, whatever happened on the way."""
    if kind == "render":
        record = json.loads(place.with_suffix(".json").read_text())
        for name in ("command", "sha256"):
            record.pop(name)
        return hashlib.sha256(place.read_bytes() + repr(sorted(record)).encode()).hexdigest()
    weights = load_file(place / "checkpoints/last.safetensors")
    final = json.loads((place / "manifest.json").read_text())["final"]
    told = (sorted(points(place).items()), sorted(final.items()))
    parts = [name.encode() + array.tobytes() for name, array in sorted(weights.items())]
    return hashlib.sha256(b"".join(parts) + repr(told).encode()).hexdigest()


def command(kind: str, place: Path) -> tuple[str, ...]:
    """What begins the work, or continues what lies there."""
    if kind == "render":
        return (*COMMANDS[kind], "--resume", "--out", str(place))
    if (place / "manifest.json").exists():
        return (kind, "--resume", str(place), "--quiet")
    return (*COMMANDS[kind], "--out", str(place))


def main() -> None:
    """Kill, continue, compare, count."""
    with stress("Kill runs at random moments.", "kills", 300) as given:
        if killed(given):
            sys.exit(1)


def killed(given: Stress) -> int:
    """How many kills did harm."""
    picture_folder(given.folder / "images")
    around = (*TRAIN.split(), "--quiet", "--out", "around")
    assert given.workers.run(*around, cwd=given.folder).code == 0
    wanted, length = {}, {}
    for kind in COMMANDS:
        place = given.folder / ("whole.npy" if kind == "render" else f"whole-{kind}")
        began = time.monotonic()
        ended = given.workers.run(*command(kind, place), cwd=given.folder)
        assert ended.code == 0, ended.stderr
        length[kind], wanted[kind] = time.monotonic() - began, digest(kind, place)
    counts: Counter[str] = Counter()
    for number in range(given.count):
        kind = given.chance.choice(list(COMMANDS))
        place = given.folder / (f"{number}.npy" if kind == "render" else f"{number}")
        early = number % 2 == 0
        process, wait = given.workers.start(*command(kind, place), cwd=given.folder)
        time.sleep(given.chance.uniform(0, EARLY if early else length[kind]))
        process.kill()
        wait()
        ended = given.workers.run(*command(kind, place), cwd=given.folder)
        same = ended.code == 0 and digest(kind, place) == wanted[kind]
        result = (
            "same bits" if same else f"stuck: {ended.stderr.strip()}" if ended.code else "DIFFER"
        )
        counts[f"{kind}: {result}"] += 1
        if same:
            shutil.rmtree(place, ignore_errors=True)
            for path in given.folder.glob(f"{number}.*"):
                path.unlink()
    for line, count in sorted(counts.items()):
        print(f"{count:4d}  {line}")
    failed = sum(count for line, count in counts.items() if not line.endswith("same bits"))
    print(f"{given.count} kills, {failed} wrong")
    return failed


if __name__ == "__main__":
    main()
