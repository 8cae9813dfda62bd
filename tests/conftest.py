"""Run-time checks of shapes and types, places for files, and runs that many tests look at."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

import tests.support.typecheck

REPOSITORY = Path(__file__).resolve().parent.parent

# The tests that need a GPU need no hypothesis.
with suppress(ImportError):
    from hypothesis import settings

    # How long an example takes says how busy the machine is.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")

# Without a GPU the Triton kernels run interpreted; Triton decides when it is first imported. Torch
# is not asked: its answer would spoil the device for the processes forked later.
_devices = any(Path(name).exists() for name in ("/dev/nvidiactl", "/dev/dxg"))
if not _devices or os.environ.get("CUDA_VISIBLE_DEVICES") == "":
    os.environ.setdefault("TRITON_INTERPRET", "1")


def _checked_modules() -> list[str]:
    """Modules of the mathematics and the engine; Triton reads the source of its kernels itself."""
    package = REPOSITORY / "resdepth"
    files = [*package.glob("mathematics/*.py"), *package.rglob("engine/**/*.py")]
    names = [".".join(file.relative_to(REPOSITORY).with_suffix("").parts) for file in files]
    return [n for n in names if not n.endswith("__init__") and "triton" not in n]


# Before anything of resdepth is imported: what is imported then is checked at every call.
install_import_hook(_checked_modules(), f"{tests.support.typecheck.__name__}.checked")

from tests.support.process import Outcome, Workers, run_installed  # noqa: E402


@pytest.fixture(autouse=True, scope="session")
def _cache_in_tmp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """The tests run beside one another; idle pools of torch would spin in their way."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout, or $RESDEPTH_SHARED_DATA."""
    named = os.environ.get("RESDEPTH_SHARED_DATA")
    above = [REPOSITORY / "shared/data", *(p / "shared/data" for p in REPOSITORY.parents)]
    for folder in [Path(named)] if named else above:
        if folder.is_dir():
            return folder
    pytest.skip("no shared/data beside the checkout; RESDEPTH_SHARED_DATA names another place")


@pytest.fixture
def run_program(tmp_path: Path) -> Callable[..., Outcome]:
    """The installed executable in a process of its own, in `tmp_path`."""

    def run(*args: object, **settings: object) -> Outcome:
        return run_installed(*args, cwd=tmp_path, **settings)

    return run


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    """Processes forked from one that has torch imported already."""
    pool = Workers()
    yield pool
    pool.close()


@pytest.fixture
def run_worker(workers: Workers, tmp_path: Path) -> Callable[..., Outcome]:
    """`resdepth ARGS` in a forked process with torch imported, in `tmp_path`."""

    def run(*args: object, **settings: object) -> Outcome:
        return workers.run(*args, cwd=tmp_path, **settings)

    return run


@pytest.fixture(scope="session")
def small_run(workers: Workers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of depth 6 and width 4 in float64, a checkpoint a step. Never written to."""
    folder = tmp_path_factory.mktemp("small")
    args = "train --depth 6 --width 4 --epochs 5 --lr 100 --train-fraction 0.1 --checkpoint-every 1"
    args += " --val-every 2 --dtype float64 --seed 3 --threads 1 --out run"
    assert workers.run(*args.split(), cwd=folder).code == 0
    return folder / "run"
