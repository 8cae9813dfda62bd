"""`landscape render` and `landscape vis` as the installed program runs them."""

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from resdepth.runs.manifest import read_manifest
from resdepth.runs.surface import partial_path, read_partial
from tests.support.process import wait_until
from tests.support.provenance import bare

QUICK = ("--steps=5", "--threads=1", "--device=cpu")


@pytest.fixture
def run_copy(small_run: Path, tmp_path: Path) -> Path:
    """A run that may be written to."""
    return shutil.copytree(small_run, tmp_path / "run")


@pytest.fixture(scope="module")
def other_run(workers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The like of `small_run` from another seed."""
    folder = tmp_path_factory.mktemp("other")
    args = "train --depth 6 --width 4 --epochs 2 --train-fraction 0.1 --dtype float64 --seed 4"
    assert workers.run(*args.split(), "--threads", "1", "--out", "run", cwd=folder).code == 0
    return folder / "run"


def test_a_run_is_rendered_into_its_folder(run_worker, run_copy: Path) -> None:
    ended = run_worker("landscape", "render", "run", *QUICK)
    assert ended.code == 0
    written = ["run/landscape.npy", "run/landscape.json", "run/landscape_accuracy.npy"]
    assert ended.stdout.splitlines() == written
    assert "norms of the directions relative to the weights that they change: 1, 1" in ended.stderr
    assert "the run recorded" in ended.stderr
    losses = np.load(run_copy / "landscape.npy", allow_pickle=False)
    record = json.loads((run_copy / "landscape.json").read_text())
    assert losses.shape == (5, 5) and losses.dtype == np.float64
    assert losses[2, 2] == record["centre_loss"]
    final = read_manifest(run_copy).final["loss"]
    assert record["centre_loss"] == pytest.approx(final, rel=1e-12)
    assert record["axes"] == [[-1.0, -0.5, 0.0, 0.5, 1.0]] * 2
    assert record["command"][:3] == ["resdepth", "landscape", "render"]


def test_old_spellings_and_a_missing_suffix(run_worker, small_run: Path, tmp_path: Path) -> None:
    config = run_worker("train", "--config", tmp_path / "c.yml", "--print-config")
    assert config.code == 2  # there is none yet
    manifest = read_manifest(small_run)
    (tmp_path / "c.yml").write_text(json.dumps(manifest.options))
    checkpoint = small_run / "checkpoints" / "step_00000002.safetensors"
    args = [f"--config_path={tmp_path / 'c.yml'}", f"--checkpoint_path={checkpoint}"]
    ended = run_worker(
        "landscape", "render", *args, "--device=gpu", "--out=export_path", *QUICK[:2]
    )
    assert ended.code == 0
    written = ["export_path.npy", "export_path.json", "export_path_accuracy.npy"]
    assert ended.stdout.splitlines() == written
    assert json.loads((tmp_path / "export_path.json").read_text())["checkpoint_step"] == 2


def test_a_manifest_stands_for_its_run(run_worker, small_run: Path, tmp_path: Path) -> None:
    config = small_run / "manifest.json"
    ended = run_worker("landscape", "render", "--config-path", config, "--out=x", *QUICK, "--json")
    assert ended.code == 0
    numbers = json.loads(ended.stdout)
    assert numbers["losses"] == np.load(tmp_path / "x.npy").tolist()
    assert ended.stderr.splitlines()[-3:] == ["x.npy", "x.json", "x_accuracy.npy"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_and_resumed_gives_the_same_bits(
    run_worker, workers, small_run: Path, tmp_path: Path, number: signal.Signals
) -> None:
    # A grid that takes some seconds, so that the signal finds it unfinished.
    render = ("landscape", "render", small_run, "--steps=301", "--subset=40", "--threads=1")
    once = run_worker(*render, "--out=once.npy", "--device=cpu")
    assert once.code == 0
    twice = (*render, "--out=twice.npy", "--device=cpu", "--resume")
    process, wait = workers.start(*twice, cwd=tmp_path)
    partial = partial_path(tmp_path / "twice.npy")
    wait_until(lambda: partial.exists() or not process.is_alive())
    assert process.is_alive()
    os.kill(process.pid, number)
    ended = wait()
    assert ended.code == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[number]
    unfinished = read_partial(tmp_path / "twice.npy")
    assert unfinished is not None and 0 < unfinished.done.sum() < len(unfinished.done)
    assert run_worker(*twice).code == 0
    assert (tmp_path / "once.npy").read_bytes() == (tmp_path / "twice.npy").read_bytes()
    assert not partial.exists()
    # A finished surface is left as it is.
    before = (tmp_path / "twice.npy").stat().st_mtime_ns
    assert run_worker(*twice).code == 0
    assert (tmp_path / "twice.npy").stat().st_mtime_ns == before


@pytest.mark.parametrize("kind", ["surface", "contour", "line"])
@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".png"])
def test_every_kind_is_drawn(run_worker, tmp_path: Path, kind: str, suffix: str) -> None:
    np.save(tmp_path / "x.npy", np.add.outer(np.arange(4.0), np.arange(5.0)) + 1)
    out = f"y{suffix}"
    ended = run_worker("landscape", "vis", "x.npy", "--kind", kind, "--log", "--out", out)
    assert ended.code == 0
    assert ended.stdout.splitlines() == [out, "y.json"]
    assert (tmp_path / out).stat().st_size > 2000


def test_the_record_of_a_surface_is_never_overwritten(run_worker, run_copy: Path) -> None:
    assert run_worker("landscape", "render", "run", *QUICK).code == 0
    record = (run_copy / "landscape.json").read_bytes()
    for args in ([], ["--out=run/landscape.pdf"], ["--out=run/landscape", "--kind=contour"]):
        assert run_worker("landscape", "vis", "run/landscape.npy", *args).code == 0
    assert (run_copy / "landscape.json").read_bytes() == record
    assert (run_copy / "landscape_surface.pdf").exists()
    numbers = json.loads((run_copy / "landscape_surface.json").read_text())
    losses = np.load(run_copy / "landscape.npy")
    assert numbers["minimum"]["loss"] == losses.min()
    assert numbers["centre_loss"] == losses[2, 2]


def test_an_interactive_page(run_worker, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.eye(4))
    ended = run_worker("landscape", "vis", "x.npy", "--out=x.html")
    assert ended.code == 0
    # The array has no record of ours, yet its own .json place is left free.
    assert ended.stdout.splitlines() == ["x.html", "x_surface.json"]
    assert "Plotly.newPlot" in (tmp_path / "x.html").read_text()


def test_a_run_stands_for_the_surface_in_it(run_worker, run_copy: Path) -> None:
    assert run_worker("landscape", "render", "run", *QUICK).code == 0
    ended = run_worker("landscape", "vis", "run", "--kind=contour")
    assert ended.code == 0
    assert ended.stdout.splitlines()[0] == "run/landscape_contour.pdf"


def test_one_direction_is_a_line(run_worker, run_copy: Path) -> None:
    assert run_worker("landscape", "render", "run", "--dimensions=1", *QUICK).code == 0
    ended = run_worker("landscape", "vis", "run/landscape.npy", "--json")
    assert ended.code == 0
    assert json.loads(ended.stdout)["minimum"]["coordinates"][0] in (-0.5, 0.0, 0.5)
    assert (run_copy / "landscape_line.pdf").exists()


def test_the_path_of_training(run_worker, run_copy: Path) -> None:
    ended = run_worker("landscape", "trajectory", "run", *QUICK, "--json", "--log")
    assert ended.code == 0
    numbers = json.loads(ended.stdout)
    assert list(numbers) == [
        "explained",
        "steps",
        "coordinates",
        "loss",
        "plane_loss",
        "distance",
        "provenance",
    ]
    assert numbers["steps"] == [1, 2, 3, 4, 5]
    assert "the run recorded" in ended.stderr
    assert (
        "the plane explains" in ended.stderr and "largest distance from the plane" in ended.stderr
    )
    assert (run_copy / "trajectory.pdf").read_bytes().startswith(b"%PDF")
    assert np.load(run_copy / "trajectory.npy").shape == (5, 5)


@pytest.mark.parametrize("suffix", [".gif", ".html", ".vts", ".vti", ".png"])
def test_a_path_is_drawn_in_every_way(run_worker, run_copy: Path, suffix: str) -> None:
    ended = run_worker("landscape", "trajectory", "run", *QUICK, f"--out=run/path{suffix}")
    assert ended.code == 0
    assert ended.stdout.splitlines()[0] == f"run/path{suffix}"
    assert run_worker("landscape", "vis", "run/path.npy", f"--out=y{suffix}").code == 0
    redrawn = bare(run_copy.parent / f"y{suffix}")
    assert redrawn == bare(run_copy / f"path{suffix}")


def test_a_clip_says_so(run_worker, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[1.0, np.nan], [2.0, 9.0]]))
    ended = run_worker("landscape", "vis", "x.npy", "--clip=3", "--json")
    assert ended.code == 0
    assert "clipped: 2 cells above 3" in ended.stderr
    numbers = json.loads(ended.stdout)
    assert numbers["clipped_above"] == 2
    assert numbers["losses"] == [[1.0, None], [2.0, 9.0]]


HOSTILE = {
    "nothing": (["render"], 2, "SOURCES: none was given (resdepth landscape render RUN)"),
    "nowhere": (["render", "nowhere"], 2, "nowhere: no such run folder"),
    "no run": (["render", "empty"], 1, "not a run folder"),
    "no checkpoint": (
        ["render", "--config-path=c.yml"],
        2,
        "SOURCES: c.yml does not say",
    ),
    "no config": (["render", "--config-path=nowhere.yml"], 2, "nowhere.yml: no such file"),
    "steps": (["render", "run", "--steps=1"], 2, "--steps: should be at least 2"),
    "dimensions": (["render", "run", "--dimensions=3"], 2, "--dimensions: should be at least 1"),
    "normalise": (["render", "run", "--normalise=rows"], 2, "--normalise: should be one of"),
    "not a checkpoint": (["render", "run", "--checkpoint-path=text.npy"], 1, "checkpoint"),
    "both": (["render", "run", "--directions=pca", "--directions=run"], 2, "one or two runs"),
    "pairs": (["render", "run", "--directions=hessian", "--pairs=2"], 2, "--pairs: has no effect"),
    "one axis": (["render", "run", "--dimensions=1", "--steps-b=4"], 2, "--steps-b: has no"),
    "span": (["render", "run", "--span=0"], 2, "--span: should be above 0 or auto"),
    "second missing": (["render", "run", "nowhere"], 2, "nowhere: no such run folder"),
    "third missing": (["render", "run", "a.safetensors"], 2, "a.safetensors: no such file"),
    "rise": (["render", "run", "--rise=3"], 2, "--rise: has no effect with --span=1.0"),
    "grid": (["vis", "square.npy", "--out=x.vti", "--clip=1"], 2, "--clip: has no effect with"),
    "window": (["trajectory", "run", "--out=x.html", "--show"], 2, "--show: has no effect with"),
    "towards nowhere": (["render", "run", "--directions=nowhere"], 2, "no such checkpoint"),
    "towards others": (["render", "run", "--directions=other"], 2, "fixed read-in differs"),
    "norms": (["render", "run", "--norms"], 2, "a fully connected network has no norms"),
    "no path yet": (["trajectory", "brief"], 1, "it has 2 checkpoints, but a plane"),
    "two runs": (["trajectory", "run", "other"], 2, "give one run"),
    "a picture": (
        ["render", "run", "--out=a/x.png"],
        2,
        "(--out a/x.npy, then 'resdepth landscape vis a/x.npy --out a/x.png')",
    ),
    "another kind": (["render", "run", "--out=x.txt"], 2, "--out: '.txt' is not .npy"),
    "no surface in it": (["vis", "brief"], 1, "'resdepth landscape render brief' makes one"),
    "no surface": (["vis"], 2, "SURFACE: none was given"),
    "missing": (["vis", "nowhere.npy"], 2, "nowhere.npy: no such file"),
    "text": (["vis", "text.npy"], 1, "not an .npy file (give a line or a grid of numbers"),
    "objects": (["vis", "objects.npy"], 1, "Python objects"),
    "truncated": (["vis", "cut.npy"], 1, "a numpy array (.npy) that cannot be read (ValueError"),
    "volume": (["vis", "volume.npy"], 1, "3 x 3 x 3: not a line or a grid"),
    "kind": (["vis", "line.npy", "--kind=contour"], 2, "needs two directions"),
    "page": (["vis", "line.npy", "--out=x.html"], 2, "not a line"),
    "suffix": (["vis", "line.npy", "--out=x.bmp"], 2, "'.bmp' is not one of"),
    "no path": (["vis", "square.npy", "--out=x.gif"], 1, "it has no path"),
    "no accuracies": (["vis", "square.npy", "--quantity=accuracy"], 1, "has no accuracies"),
    "logarithm": (["vis", "zeros.npy", "--log"], 1, "no positive loss"),
    "display": (["vis", "line.npy", "--show"], 1, "no display"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_is_one_line(
    run_worker, small_run, other_run, tmp_path: Path, case: str
) -> None:
    (tmp_path / "run").symlink_to(small_run)
    (tmp_path / "other").symlink_to(other_run)
    brief = shutil.copytree(small_run, tmp_path / "brief")
    for path in list((brief / "checkpoints").glob("step_*"))[1:]:
        path.unlink()
    (tmp_path / "empty").mkdir()
    (tmp_path / "c.yml").write_text("depth: 6\n")
    (tmp_path / "text.npy").write_text("hello")
    np.save(tmp_path / "line.npy", np.arange(1.0, 6.0))
    np.save(tmp_path / "zeros.npy", np.zeros((3, 3)))
    np.save(tmp_path / "square.npy", np.eye(3))
    np.save(tmp_path / "volume.npy", np.ones((3, 3, 3)))
    np.save(tmp_path / "objects.npy", np.array([{}, []], dtype=object))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "zeros.npy").read_bytes()[:-8])
    args, code, message = HOSTILE[case]
    ended = run_worker("landscape", *args, DISPLAY="", WAYLAND_DISPLAY="")
    assert ended.code == code
    assert message in ended.complaint


@pytest.mark.long
def test_the_installed_program_does_the_same(run_program, run_copy: Path) -> None:
    assert run_program("landscape", "render", "run", *QUICK, "--quiet").code == 0
    ended = run_program("landscape", "vis", "run/landscape.npy", "--kind=contour")
    assert ended.code == 0
    assert ended.stdout.splitlines()[0] == "run/landscape_contour.pdf"
