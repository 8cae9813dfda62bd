"""The default number of threads: OpenMP's variable, the affinity, Slurm, a container's quota."""

import os
from pathlib import Path

import pytest

from resdepth import cores
from resdepth.cores import available_cores, available_threads

CORES = 8


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(CORES)), raising=False)
    monkeypatch.setattr(cores, "_quotas", lambda _: iter(()))
    for variable in ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(
    ("variable", "threads"),
    [
        ("1", 1),
        (" 3 ", 3),
        ("4,2", 4),
        ("4,many", 4),
        ("16", 16),
        ("", CORES),
        ("0", CORES),
        ("-2", CORES),
        ("abc", CORES),
        ("2.5", CORES),
        (",2", CORES),
        ("99999999999999999999", CORES),
    ],
)
def test_openmps_variable(monkeypatch: pytest.MonkeyPatch, variable: str, threads: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert available_threads() == threads
    assert available_cores() == CORES


@pytest.mark.parametrize(
    ("variable", "cores"), [("3", 3), ("1", 1), ("64", CORES), ("", CORES), ("0", CORES)]
)
def test_the_share_of_a_task_of_slurm(
    monkeypatch: pytest.MonkeyPatch, variable: str, cores: int
) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", variable)
    assert available_threads() == available_cores() == cores


def system(root: Path, groups: str, files: dict[str, str]) -> Path:
    """A system whose control groups are these."""
    for name, text in {"proc/self/cgroup": groups, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


POD = "kubepods/pod7"


@pytest.mark.parametrize(
    ("groups", "files", "cores"),
    [
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "max 100000\n"}, CORES),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "1600000 100000\n"}, CORES),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "no\n"}, CORES),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "100000 0\n"}, CORES),
        # The quota of a group holds for those inside it.
        (
            f"0::/{POD}\n",
            {
                f"sys/fs/cgroup/{POD}/cpu.max": "max 100000\n",
                "sys/fs/cgroup/kubepods/cpu.max": "300000 100000\n",
            },
            3,
        ),
        # Docker names the group of the host, which the container sees as the root.
        (
            "4:cpu,cpuacct:/docker/ab\n2:memory:/docker/ab\n",
            {
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "400000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            4,
        ),
        (
            "1:cpu:/job/1\n0::/\n",
            {
                "sys/fs/cgroup/cpu/job/1/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu/job/1/cpu.cfs_period_us": "50000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            5,
        ),
        ("nonsense\n\n", {}, CORES),
    ],
)
def test_the_quota_of_a_container(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, groups: str, files: dict[str, str], cores: int
) -> None:
    monkeypatch.undo()
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(CORES)), raising=False)
    assert available_cores(system(tmp_path, groups, files)) == cores


def test_a_system_without_control_groups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores(tmp_path) == 1
