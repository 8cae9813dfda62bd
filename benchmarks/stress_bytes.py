"""Every kind of file that a run leaves, with one byte changed or cut off: noticed or silent.

    python benchmarks/stress_bytes.py [--flips 200] [--seed 0]

One change in three cuts an event file, at any byte or between two records, where nothing looks
damaged. The folder is then exported, measured, fitted and drawn, resumed, and fitted again; each
answer is compared with that of the sound folder. Silent is another answer without a complaint; exit
code 1 if there is one.
"""

import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from safetensors.numpy import load_file
from stress import Stress, stress

from resdepth.runs.framing import read_records
from tests.support.pictures import picture_folder
from tests.support.process import Outcome

TRAIN = "train --depth 8 --width 4 --epochs 30 --train-fraction .2 --checkpoint-every 10"
CONVOLUTIONAL = "resnet-cifar --depth 8 --data folder --data-dir images --epochs 2 --batch-size 24"
READS: dict[str, tuple[tuple[str, ...], ...]] = {
    "dense": (
        ("export", "dense", "--format", "npz", "--out", "out"),
        ("paths", "norm", "dense", "--pvar", "2", "--json", "--out", "out/n.pdf"),
        ("paths", "norm", "dense/exported_models", *["--beta", "0", "--pvar", "2", "--json"]),
        ("curvefit", "dense", "--json", "--out", "out/c.pdf"),
        ("curvefit", "dense", "--tag", "val/loss", "--json", "--out", "out/d.pdf"),
        ("landscape", "vis", "dense/landscape.npy", "--json", "--out", "out/v.pdf"),
        ("landscape", "render", "dense", "--steps", "3", "--json", "--out", "out/r.npy"),
        ("train", "--resume", "dense", "--epochs", "31", "--quiet"),
        ("curvefit", "dense", "--time", "step", "--json", "--out", "out/e.pdf"),
    ),
    "conv": (
        ("export", "conv", "--format", "npz", "--out", "out"),
        ("curvefit", "conv", "--json", "--out", "out/c.pdf"),
        ("resnet-cifar", "--resume", "conv", "--epochs", "3", "--json"),
        ("curvefit", "conv", "--time", "step", "--json", "--out", "out/e.pdf"),
    ),
}
PLACES = {"resdepth: warning", "resdepth: error"}


def answer(words: tuple[str, ...], ended: Outcome, folder: Path) -> Any:
    """What a command says and leaves, without times."""
    found: Any = ended.stdout
    if "--json" in words and ended.code == 0:
        found = json.loads(ended.stdout)
        for name in ("seconds_per_step", "sha256", "checkpoint_sha256", "versions", "provenance"):
            found.pop(name, None)
    if words[0] == "export" and ended.code == 0:
        found = [path.read_bytes()[:0] for path in (folder / "out").glob("*.npz")]
        import numpy as np

        for path in sorted((folder / "out").glob("*.npz")):
            with np.load(path) as archive:
                found += [(name, archive[name].tobytes()) for name in archive.files]
    if "--resume" in words and ended.code == 0:
        run = folder / words[2]
        weights = load_file(run / "checkpoints/last.safetensors")
        manifest = json.loads((run / "manifest.json").read_text())
        kept = {k: manifest[k] for k in ("final", "steps", "outcome", "options", "seed")}
        found = (kept, [(name, array.tobytes()) for name, array in sorted(weights.items())])
    return found


def flip(path: Path, chance: Random) -> int:
    """Change one byte of a file; returns its place."""
    content = bytearray(path.read_bytes())
    place = chance.randrange(len(content))
    content[place] ^= chance.randrange(1, 256)
    path.write_bytes(content)
    return place


def cut(path: Path, chance: Random) -> int:
    """Cut an event file at any byte, or behind one of its records; returns the place."""
    with path.open("rb") as stream:
        ends = [record.end for record in read_records(stream)]
    places = ends[:-1] if chance.random() < 0.5 else range(path.stat().st_size)
    place = chance.choice(places)
    path.write_bytes(path.read_bytes()[:place])
    return place


def main() -> None:
    """Flip, read, compare, count."""
    with stress("Change a byte of what a run leaves.", "flips", 200) as given:
        if flipped(given):
            sys.exit(1)


def flipped(given: Stress) -> int:
    """How many changes went by in silence."""
    sound = given.folder / "sound"
    sound.mkdir()
    picture_folder(sound / "images")
    for words in (
        (*TRAIN.split(), "--threads", "1", "--quiet", "--out", "dense"),
        (*CONVOLUTIONAL.split(), "--threads", "1", "--quiet", "--out", "conv"),
        ("landscape", "render", "dense", "--steps", "5", "--threads", "1", "--quiet"),
    ):
        ended = given.workers.run(*words, cwd=sound)
        assert ended.code == 0, ended.stderr
    files = {
        name: sorted(p for p in (sound / name).rglob("*") if p.is_file())
        for name in ("dense", "conv")
    }

    def answers(name: str, folder: Path) -> list[tuple[bool, Any]]:
        found, resumed_loudly = list[tuple[bool, Any]](), False
        for words in READS[name]:
            ended = given.workers.run(*words, cwd=folder)
            loud = ended.code != 0 or any(place in ended.stderr for place in PLACES)
            # What is read afterwards depends on whether the run could be resumed.
            resumed_loudly |= loud and "--resume" in words
            found.append((loud or resumed_loudly, answer(words, ended, folder)))
        return found

    def copy() -> Path:
        place = given.folder / "copy"
        shutil.rmtree(place, ignore_errors=True)
        return Path(shutil.copytree(sound, place))

    wanted = {name: answers(name, copy()) for name in files}
    counts: Counter[str] = Counter()
    silent = 0
    for number in range(given.count):
        name = "dense" if number % 4 else "conv"
        file = given.chance.choice(files[name])
        folder = copy()
        path = folder / file.relative_to(sound)
        cuts = number % 3 == 2
        if cuts:
            path = next((folder / name).glob("events.out.tfevents.*"))
        place = cut(path, given.chance) if cuts else flip(path, given.chance)
        found = answers(name, folder)
        pairs = list(zip(found, wanted[name], READS[name], strict=True))
        wrong = [words for (loud, got), (_, good), words in pairs if got != good and not loud]
        noticed = any(loud for loud, _ in found)
        kind = path.suffix if "tfevents" not in path.name else "cut events" if cuts else "events"
        counts[f"{kind}: {'SILENT' if wrong else 'noticed' if noticed else 'harmless'}"] += 1
        if wrong:
            silent += 1
            print(f"{path.relative_to(folder)}, byte {place}: {' '.join(wrong[0])}")
    for line, count in sorted(counts.items()):
        print(f"{count:4d}  {line}")
    print(f"{given.count} changed bytes, truncated event files included, {silent} silent")
    return silent


if __name__ == "__main__":
    main()
