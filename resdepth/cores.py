"""How many cores this process may use, and how many threads it starts by default."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

LARGEST = 4096  # More threads than this are taken for a typing error.


def available_threads() -> int:
    """The default number of threads: `OMP_NUM_THREADS`, or one per available core."""
    # OpenMP allows a list, as in "4,2": the first number is for threads that are not nested.
    return _count("OMP_NUM_THREADS") or available_cores()


def available_cores(root: Path = Path("/")) -> int:
    """The least number of cores that affinity, Slurm and control groups under `root` allow."""
    affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if affinity else os.cpu_count() or 1
    allotted = _count("SLURM_CPUS_PER_TASK") or cores
    return max(1, min(cores, allotted, *map(math.ceil, _quotas(root))))


def _count(variable: str) -> int | None:
    try:
        number = int(os.environ.get(variable, "").split(",")[0])
    except ValueError:
        return None
    return number if 1 <= number <= LARGEST else None


def _quotas(root: Path) -> Iterator[float]:
    """The quotas, in cores, of the control groups of this process."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        # A container sees its own group as the root, whatever path the file names.
        path = Path(group.lstrip("/"))
        for mount in ("cpu", controllers) if controllers else ("", "unified"):
            for place in {path, *path.parents}:
                folder = root / "sys/fs/cgroup" / mount / place
                names = ("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")
                for version in names:
                    words = " ".join(_text(folder / name) for name in version).split()
                    # "max" says that there is no quota; a group at the root has no file.
                    if len(words) == 2 and all(map(str.isdecimal, words)) and min(map(int, words)):
                        yield int(words[0]) / int(words[1])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
