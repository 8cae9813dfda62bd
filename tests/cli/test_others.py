"""`paths` on checkpoints of others, as the installed program measures them."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from resdepth.mathematics.layer_norms import operator
from resdepth.runs.checkpoint import Checkpoint, last_path, write_checkpoint
from resdepth.runs.manifest import NAME, new_manifest, write_manifest
from tests.support.process import EXECUTABLE

PATTERN = "model.layers.{k}.mlp.down_proj.weight"
QUICK = ("--out", "x.svg", "--json")


def llama(depth: int = 5, seed: int = 0, dtype: torch.dtype = torch.bfloat16) -> dict:
    generator = torch.Generator().manual_seed(seed)
    state = {"model.embed_tokens.weight": torch.randn(11, 6, generator=generator)}
    for k in range(depth):
        for part, shape in (("mlp.down_proj", (6, 8)), ("self_attn.q_proj", (6, 6))):
            state[f"model.layers.{k}.{part}.weight"] = torch.randn(shape, generator=generator)
        state[f"model.layers.{k}.norm.weight"] = torch.randn(6, generator=generator)
    return {name: tensor.to(dtype) for name, tensor in state.items()}


def path(state: dict, part: str = "mlp.down_proj") -> np.ndarray:
    names = [name for name in state if f".{part}." in name]
    return torch.stack([state[name] for name in names]).double().numpy().reshape(len(names), -1)


@pytest.fixture
def model(tmp_path: Path) -> dict:
    state = llama()
    safetensors.torch.save_file(state, tmp_path / "model.safetensors")
    return state


def test_norms_and_variations_of_a_family(run_worker, model: dict, tmp_path: Path) -> None:
    args = ("--pattern", PATTERN, "--pvar", 1, "--pvar", 2)
    ended = run_worker("paths", "norm", "model.safetensors", *args, *QUICK)
    assert ended.code == 0
    assert "1 model of depth 5, beta = 0" in ended.stderr
    assert "p-variation: from the path in memory" in ended.stderr
    numbers = json.loads(ended.stdout)
    assert (numbers["beta"], numbers["norm"]) == (0.0, "frobenius")
    (curve,) = numbers["curves"]
    assert curve["family"] == PATTERN
    np.testing.assert_allclose(curve["norm"]["mean"], np.linalg.norm(path(model), axis=1), 1e-12)
    (row,) = numbers["p_variation_norm"]["rows"]
    length = np.linalg.norm(np.diff(path(model), axis=0), axis=1).sum()
    assert row["norm"]["mean"][0] == pytest.approx(length, rel=1e-12)
    assert row["way"] == "path"


def test_layers_of_a_transformer_in_random_order(run_worker, tmp_path: Path) -> None:
    state = llama(12, dtype=torch.float32)
    for k in range(12):
        state[f"model.layers.{k}.mlp.down_proj.weight"] += k
    torch.save(state, tmp_path / "m.pt")
    pattern = "model.layers.{k}.*_proj.weight"
    ended = run_worker("paths", "norm", "m.pt", "--pattern", pattern, "--null", *QUICK)
    assert ended.code == 0
    null = json.loads(ended.stdout)["null"]
    trend, noise = (curve["sentence"] for curve in null["curves"])
    assert trend.startswith("smoother than all 999") and noise.startswith("no sign of order")
    assert [row["file"] for row in null["paths"]] == ["m.pt", "m.pt"]
    assert all(curve["norm"]["initial"] is None for curve in null["curves"])


def test_a_star_is_a_curve_each(run_worker, model: dict) -> None:
    args = ("--pattern", "model.layers.{k}.*.weight", "--norm", "spectral")
    ended = run_worker("paths", "norm", ".", *args, *QUICK)
    assert ended.code == 0 and "1 model, 3 families of depth 5" in ended.stderr
    curves = {row["family"]: row["norm"]["mean"] for row in json.loads(ended.stdout)["curves"]}
    assert len(curves) == 3
    found = curves["model.layers.{k}.self_attn.q_proj.weight"]
    expected = np.linalg.norm(path(model, "self_attn.q_proj").reshape(5, 6, 6), ord=2, axis=(1, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_repetitions_and_depths(run_worker, tmp_path: Path) -> None:
    for depth in (4, 8, 16):
        for seed in (0, 1):
            (tmp_path / f"{seed}").mkdir(exist_ok=True)
            torch.save(llama(depth, seed), tmp_path / f"{seed}/m{depth}.pt")
    ended = run_worker("paths", "norm", "0", "1", "--pattern", PATTERN, "--pvar=2", "--out=x.svg")
    assert ended.code == 0 and "6 models of depth 4, 8, 16" in ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].split()[:3] == ["family", "L", "runs"] and lines[1].split()[1:3] == ["4", "2"]
    assert lines[4].split()[:2] == ["growth", lines[4].split()[1]] and "L^" in lines[4]
    ended = run_worker("paths", "scaling", "0", "1", "--pattern", PATTERN, *QUICK)
    numbers = json.loads(ended.stdout)
    assert (numbers["depths"], numbers["seeds"], numbers["ways"]) == ([4, 8, 16], 2, ["path"])


@pytest.mark.parametrize("command", ["weights", "profile"])
def test_the_other_commands_take_patterns_too(run_worker, model: dict, command: str) -> None:
    ended = run_worker("paths", command, ".", "--pattern", PATTERN, *QUICK)
    assert ended.code == 0
    numbers = json.loads(ended.stdout)
    rows = numbers["rows"] if command == "profile" else numbers["curves"]
    assert [row["family"] for row in rows] == [PATTERN] and numbers["beta"] == 0.0


def test_beta_and_layers_can_be_given(run_worker, model: dict) -> None:
    args = ("--pattern", PATTERN, "--layers", "1-3", "--beta", 0.5)
    ended = run_worker("paths", "norm", ".", *args, *QUICK)
    (curve,) = json.loads(ended.stdout)["curves"]
    expected = 3**0.5 * np.linalg.norm(path(model)[1:4], axis=1)
    np.testing.assert_allclose(curve["norm"]["mean"], expected, rtol=1e-12)


def test_without_a_pattern_the_families_are_listed(
    run_program, model: dict, tmp_path: Path
) -> None:
    ended = run_program("paths", "norm", "model.safetensors")
    assert ended.code == 2
    assert "--pattern: is needed: model.safetensors holds 3 families of layers" in ended.complaint
    lines = ended.stdout.splitlines()
    assert lines[1].split() == ["layers", "count", "shape", "dtype"]
    assert lines[2].split("  ")[-2:] == ["bfloat16", f"--pattern '{PATTERN}'"]
    assert lines[2].split()[:5] == ["0-4", "5", "6", "x", "8"]
    typed = lines[-1].removeprefix("type, for example: ")
    assert typed == f"resdepth paths norm model.safetensors --pattern '{PATTERN}'"
    # What is to be typed can be typed.
    done = subprocess.run(f"{EXECUTABLE.parent}/{typed} --out x.svg", shell=True, cwd=tmp_path)
    assert done.returncode == 0


@pytest.mark.parametrize("wrapper", ["model", "state_dict", "module"])
def test_families_inside_a_wrapper_are_listed(run_worker, tmp_path: Path, wrapper: str) -> None:
    torch.save({wrapper: llama()}, tmp_path / "x.pth")
    ended = run_worker("paths", "norm", "x.pth")
    assert ended.code == 2 and "x.pth holds 3 families of layers" in ended.complaint
    assert PATTERN in ended.stdout


def test_families_as_json(run_worker, model: dict) -> None:
    ended = run_worker("paths", "weights", "model.safetensors", "--json")
    assert ended.code == 2
    (checkpoint,) = json.loads(ended.stdout)["checkpoints"]
    first = checkpoint["families"][0]
    assert (first["pattern"], first["first"], first["last"]) == (PATTERN, 0, 4)
    assert (first["shape"], first["dtypes"]) == ([6, 8], ["bfloat16"])


def staged_run(folder: Path, n: int = 3, data: str = "cifar10") -> dict[str, torch.Tensor]:
    """A run of `resnet-cifar` whose network has drawn weights; its kernels by name."""
    generator = torch.Generator().manual_seed(n)
    state, before = {}, 16
    for block in range(3 * n):
        filters = (16, 32, 64)[block // n]
        for part, channels in (("first", before), ("second", filters)):
            kernel = torch.randn(filters, channels, 3, 3, generator=generator)
            state[f"blocks.{block}.{part}.kernel"] = kernel
            state[f"blocks.{block}.{part}.weight"] = torch.ones(filters)
        before = filters
    options = {"depth": 6 * n + 2, "data": data, "alpha": 0.75, "seed": 0}
    folder.mkdir(parents=True)
    manifest = new_manifest("resnet-cifar", options, ["resdepth"])
    write_manifest(folder, manifest.model_copy(update={"outcome": "finished"}))
    write_checkpoint(last_path(folder), Checkpoint(1, 0.1, state))
    assert (folder / NAME).is_file()
    return state


def test_a_convolutional_run_knows_its_patterns(run_worker, tmp_path: Path) -> None:
    state = staged_run(tmp_path / "run")
    ended = run_worker("paths", "norm", "run", "--norm", "operator", *QUICK)
    assert ended.code == 0 and "1 model, 6 families of depth 2, 3, beta = 0" in ended.stderr
    curves = {row["family"]: row["norm"]["mean"] for row in json.loads(ended.stdout)["curves"]}
    assert {name: len(norms) for name, norms in curves.items()} == {
        "stage1.{k}.first.kernel": 3,
        "stage1.{k}.second.kernel": 3,
        "stage2.{k}.first.kernel": 2,
        "stage2.{k}.second.kernel": 3,
        "stage3.{k}.first.kernel": 2,
        "stage3.{k}.second.kernel": 3,
    }
    kernel = state["blocks.4.first.kernel"].double().numpy()
    transfer = np.fft.fft2(kernel, (16, 16)).transpose(2, 3, 0, 1)
    expected = np.linalg.norm(transfer, ord=2, axis=(2, 3)).max()
    assert curves["stage2.{k}.first.kernel"][0] == pytest.approx(expected, rel=1e-12)


def test_stages_of_several_depths_scale(run_worker, tmp_path: Path) -> None:
    for n in (2, 4):
        staged_run(tmp_path / f"runs/{n}", n)
    args = ("paths", "scaling", "runs", "--pattern", "stage2.{k}.second.kernel")
    assert json.loads(run_worker(*args, *QUICK).stdout)["depths"] == [2, 4]
    ended = run_worker("paths", "scaling", "runs", *QUICK)
    assert ended.code == 2 and "--pattern: fits 6 families" in ended.complaint


def test_the_input_of_other_images_is_not_guessed(run_worker, tmp_path: Path) -> None:
    state = staged_run(tmp_path / "run", data="folder")
    ended = run_worker("paths", "norm", "run", "--norm=operator", "--out=x.svg")
    assert ended.code == 2 and "--input-size: is needed" in ended.complaint
    ended = run_worker("paths", "norm", "run", "--norm=operator", "--input-size=9,7", *QUICK)
    curves = {row["family"]: row["norm"]["mean"] for row in json.loads(ended.stdout)["curves"]}
    # Nine rows are five in the second stage and three in the third, and seven columns two.
    kernel = state["blocks.8.second.kernel"].double().numpy()
    expected = operator(kernel, (3, 2))
    assert curves["stage3.{k}.second.kernel"][-1] == pytest.approx(expected, rel=1e-12)


HOSTILE = {
    "no k": (["--pattern=model.layers"], 2, "--pattern: should have one {k}"),
    "two k": (["--pattern={k}.{k}"], 2, "--pattern: should have one {k}"),
    "near": (
        ["--pattern=model.layer.{k}.mlp.down_proj.weight"],
        2,
        f"(similar: {PATTERN}, ",
    ),
    "layers": (["--pattern", PATTERN, "--layers=3"], 2, "--layers: should be the first and the la"),
    "backwards": (["--pattern", PATTERN, "--layers=3-1"], 2, "--layers: should be the first"),
    "outside": (["--pattern", PATTERN, "--layers=7-9"], 1, "has no layer in 7-9"),
    "size": (["--pattern", PATTERN, "--input-size=3x3"], 2, "--input-size: should be rows and co"),
    "norm": (["--pattern", PATTERN, "--norm=nuclear"], 2, "--norm"),
    "ext": (["--pattern", PATTERN, "--ext=npz"], 1, "with extension npz"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_is_one_line(run_worker, model: dict, case: str) -> None:
    args, code, message = HOSTILE[case]
    ended = run_worker("paths", "norm", ".", *args)
    assert ended.code == code and message in ended.complaint


@pytest.mark.parametrize("args", [(), ("--pattern", "h.{k}.w")], ids=["listing", "pattern"])
@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("../a.safetensors", "index.json: it looks for 'h.1.w' outside its folder"),
        ("b.safetensors", "b.safetensors: the shard is missing"),
        ("a.safetensors", "index.json: it says that 'h.1.w' is in a.safetensors, which does not"),
    ],
)
def test_a_wrong_index_is_one_line(
    run_worker, tmp_path: Path, place: str, message: str, args: tuple[str, ...]
) -> None:
    safetensors.torch.save_file({"h.0.w": torch.ones(2, 3)}, tmp_path / "a.safetensors")
    places = {"weight_map": {"h.0.w": "a.safetensors", "h.1.w": place}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(places))
    ended = run_worker("paths", "norm", ".", *args)
    assert ended.code == 1 and message in ended.complaint and not ended.stdout


def sparse(file: Path, layers: int, numbers: int) -> None:
    """A safetensors file of float64 layers of noughts, but for the first and the last number."""
    header = {
        f"h.{k}.w": {"dtype": "F64", "shape": [numbers], "data_offsets": [8 * numbers * k, end]}
        for k in range(layers)
        for end in [8 * numbers * (k + 1)]
    }
    text = json.dumps(header).encode()
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        for k in range(layers):
            for place, value in ((0, k + 1.0), (numbers - 1, 2.0)):
                stream.seek(8 + len(text) + 8 * (numbers * k + place))
                stream.write(struct.pack("<d", value))


PEAK = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


@pytest.mark.long
@pytest.mark.timeout(600)
def test_eight_gigabytes_are_measured_within_one(tmp_path: Path) -> None:
    file = tmp_path / "large.safetensors"
    sparse(file, 8, 1 << 27)
    if file.stat().st_blocks * 512 > 1 << 28:
        pytest.skip("the file system has no sparse files")
    args = ("paths", "norm", file, "--pattern=h.{k}.w", "--pvar=1", "--pvar-only", "--out=x.svg")
    # A process of its own in between: what is forked counts the memory of its parent.
    ended = subprocess.run(
        [sys.executable, "-c", PEAK, EXECUTABLE, *map(str, args)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    code, kilobytes = map(int, ended.stdout.split())
    assert code == 0 and kilobytes < 1 << 20
    assert "from the distances between layers, read in blocks" in ended.stderr
    numbers = json.loads((tmp_path / "x.json").read_text())
    (row,) = numbers["p_variation_norm"]["rows"]
    assert row["way"] == "distances"
    np.testing.assert_allclose(row["norm"]["mean"], [7.0], rtol=1e-12)
