"""What an executor needs, and what it finds on a machine."""

import sys
from typing import Any

import pytest

from resdepth.errors import Usage
from resdepth.studies import local
from resdepth.studies.executor import executor_of
from tests.support.messages import refused


@pytest.mark.parametrize(("name", "package"), [("slurm", "submitit"), ("dask", "distributed")])
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"resdepth.studies.{name}", raising=False)
    with refused(Usage, match=f"'{package}' is not installed") as raised:
        executor_of({"executor": name, "scheduler": "tcp://a"}, "cpu")
    assert raised.value.remedy == f"install it with 'pip install {package}'"


@pytest.mark.parametrize(
    ("visible", "found"), [("", []), ("-1", []), ("0", ["0"]), ("3,1", ["3", "1"])]
)
def test_the_gpus_that_may_be_used(
    monkeypatch: pytest.MonkeyPatch, visible: str, found: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert local.visible_gpus() == found


@pytest.mark.parametrize(
    ("settings", "device", "visible", "workers", "cpus", "gpus"),
    [
        ({}, "cpu", "0,1", 8, 1, 0),
        ({"workers": 3}, "cpu", "", 3, 2, 0),
        ({"workers": 20}, "auto", "", 20, 1, 0),
        ({}, "auto", "0,1", 2, 4, 1),
        ({"workers": 4}, "cuda", "0,1", 4, 2, 1),
    ],
)
def test_cores_and_gpus_are_shared_out(
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    device: str,
    visible: str,
    workers: int,
    cpus: int,
    gpus: int,
) -> None:
    for name in ("available_cores", "available_threads"):
        monkeypatch.setattr(local, name, lambda: 8)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    made = local.Local(settings, device)
    assert (made.count, made.cpus, made.gpus) == (workers, cpus, gpus)
