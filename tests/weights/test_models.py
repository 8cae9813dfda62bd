"""Weights from every kind of file and folder, and one line for everything that is none."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import resdepth
from resdepth.cli.console import line
from resdepth.errors import Corrupt, Impossible, Missing, System, Usage
from resdepth.runs.checkpoint import Checkpoint, last_path, write_checkpoint
from resdepth.runs.export import write_model
from resdepth.runs.manifest import new_manifest, write_manifest
from resdepth.weights.families import PatternNeeded
from resdepth.weights.file import read_file
from resdepth.weights.read import read_models, read_paths
from resdepth.weights.weight_path import WeightPath
from tests.support.messages import refused


def read_model(path: Path) -> WeightPath:
    (found,) = read_models(path)
    return found


def blocks(depth: int, width: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.randn(depth, width, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("format", ["pth", "safetensors", "npz"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_exported_models_come_back(tmp_path: Path, format: str, dtype: torch.dtype) -> None:
    written = blocks(5).to(dtype)
    model = read_model(write_model(tmp_path, written, format))
    np.testing.assert_array_equal(model.blocks, written.double().numpy())
    assert (model.depth, model.width, model.beta) == (5, 3, None)


@pytest.mark.parametrize("key", ["blocks", "state_dict"])
def test_blocks_are_found_beside_and_inside_other_entries(tmp_path: Path, key: str) -> None:
    held = list(blocks(3)) if key == "blocks" else {"blocks": blocks(3)}
    torch.save({key: held, "step": 5, "readin": torch.ones(3, 7)}, tmp_path / "x.pth")
    np.testing.assert_array_equal(read_model(tmp_path / "x.pth").blocks, blocks(3).double())


def test_a_list_under_any_key_is_a_model(tmp_path: Path) -> None:
    torch.save({"weights": list(blocks(3))}, tmp_path / "x.pt")
    np.testing.assert_array_equal(read_model(tmp_path / "x.pt").blocks, blocks(3).double())


def test_one_layer_is_a_model(tmp_path: Path) -> None:
    assert read_model(write_model(tmp_path, blocks(1))).depth == 1


def test_folders_are_searched_and_sorted_by_depth(tmp_path: Path) -> None:
    for seed in ("b", "a"):
        for depth in (8, 4):
            write_model(tmp_path / seed, blocks(depth))
    models = read_models([tmp_path])
    found = [(model.depth, model.source.parent.name) for model in models]
    assert found == [(4, "a"), (4, "b"), (8, "a"), (8, "b")]


def test_a_model_reached_twice_counts_once(tmp_path: Path) -> None:
    path = write_model(tmp_path / "a", blocks(4))
    assert len(read_models([tmp_path, tmp_path / "a", path])) == 1


def test_extension_chooses_among_formats(tmp_path: Path) -> None:
    write_model(tmp_path, blocks(4), "pth")
    write_model(tmp_path, blocks(4), "npz")
    for extension in ("npz", ".npz"):
        assert [m.source.suffix for m in read_models([tmp_path], extension)] == [".npz"]
    with refused(Impossible, match="both hold 'blocks' of depth 4"):
        read_models([tmp_path])


def test_the_last_checkpoint_stands_for_a_folder(tmp_path: Path) -> None:
    for name in ("step_00000001", "step_00000002", "last"):
        write_model(tmp_path, blocks(4), "safetensors").rename(tmp_path / f"{name}.safetensors")
    assert [m.source.stem for m in read_models([tmp_path])] == ["last"]


def test_linked_folders_are_searched_and_a_loop_ends(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_model(tmp_path / "store" / name, blocks(4))
        (tmp_path / "tree" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "tree" / name).symlink_to(tmp_path / "store" / name)
    (tmp_path / "store/a/back").symlink_to(tmp_path / "tree")
    models = read_models([tmp_path / "tree"])
    assert [m.source.relative_to(tmp_path).parts[:2] for m in models] == [
        ("tree", "a"),
        ("tree", "b"),
    ]
    assert len(read_models([tmp_path / "tree", tmp_path / "store"])) == 2


def test_a_linked_run_stands_for_itself(small_run, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "run").symlink_to(small_run)
    (model,) = read_models([tmp_path / "tree"])
    assert model.source == tmp_path / "tree/run/checkpoints/last.safetensors"
    assert model.beta == 0.25


def test_hidden_files_and_folders_hold_no_weights(tmp_path: Path) -> None:
    write_model(tmp_path, blocks(4))
    write_model(tmp_path / ".trash", blocks(8))
    write_model(tmp_path / "a", blocks(16)).rename(tmp_path / "a/._resnet_16.pth")
    assert [m.depth for m in read_models([tmp_path])] == [4]


def test_weights_below_weights_are_found(tmp_path: Path) -> None:
    for depth, name in ((4, ""), (8, "a"), (16, "a/b")):
        write_model(tmp_path / name, blocks(depth))
    assert [m.depth for m in read_models([tmp_path])] == [4, 8, 16]


FOREIGN = {
    "empty.pth": b"",
    "half.safetensors": bytes(12),
    "text.pt": b"hello",
    "numbers.npz": b"PK\x03\x04",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_beside_weights_is_left_out(tmp_path: Path, name: str) -> None:
    write_model(tmp_path, blocks(4))
    (tmp_path / name).write_bytes(FOREIGN[name])
    with pytest.warns(UserWarning, match=f"{name}: .*; left out"):
        assert [m.depth for m in read_models([tmp_path])] == [4]
    # What was named is not left out.
    with pytest.raises(Corrupt):
        read_models([tmp_path, tmp_path / name])


def test_code_beside_weights_is_left_out_and_named(tmp_path: Path) -> None:
    write_model(tmp_path, blocks(4))
    torch.save([Evil()], tmp_path / "evil.pth")
    with pytest.warns(
        UserWarning, match=r"refused: the pickle asks for .*mkdir, which is code; left out"
    ):
        assert [m.depth for m in read_models([tmp_path])] == [4]


def test_foreign_files_alone_are_an_error(tmp_path: Path) -> None:
    for name in ("a.pth", "b.pth"):
        (tmp_path / name).write_bytes(b"")
    with refused(Corrupt, match=r"a\.pth"):
        read_models([tmp_path])


def test_widths_are_not_mixed(tmp_path: Path) -> None:
    write_model(tmp_path, blocks(4, width=3))
    write_model(tmp_path, blocks(8, width=2))
    with refused(Impossible, match=r"2 x 2, but 3 x 3 in|3 x 3, but 2 x 2 in"):
        read_models([tmp_path])


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Missing):
        read_models([tmp_path / "nowhere"])
    with refused(Missing, match="with extension pth"):
        read_models([tmp_path], "pth")


class Evil:
    def __reduce__(self):
        return os.mkdir, ("was_run",)


def _save(path: Path, content: object) -> None:
    torch.save(content, path)


def _lightning(path: Path) -> None:
    state = {"a.weight": torch.ones(2, 2), "b": torch.ones(2)}
    _save(path, {"state_dict": state, "epoch": 3, "pytorch-lightning_version": "2.5"})


HOSTILE = {
    "lightning": (_lightning, r"no tensor named 'blocks' among 2 \(a.w"),
    "mixed widths": (
        lambda path: _save(path, [torch.ones(2, 2), torch.ones(3, 3)]),
        "2 x 2 and 3 x 3",
    ),
    "oblong": (lambda path: _save(path, [torch.ones(2, 3)]), "1 x 2 x 3"),
    "no layers": (lambda path: _save(path, []), "a list without tensors"),
    "words": (lambda path: _save(path, [torch.ones(2, 2), "a"]), "layer 1 holds str, not real"),
    "whole numbers": (lambda path: _save(path, torch.ones(1, 2, 2, dtype=torch.int32)), "real"),
    "nan": (
        lambda path: _save(path, torch.full((2, 2, 2), torch.nan)),
        r"entry \(0, 0, 0\) is nan",
    ),
    "infinite": (lambda path: _save(path, [torch.full((2, 2), torch.inf)]), "is inf"),
    "names": (
        lambda path: _save(path, {"a": torch.ones(2), "b": torch.ones(2)}),
        r"no tensor named 'blocks' among 2 \(a, b\)",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_pickles_are_refused_in_one_line(tmp_path: Path, case: str) -> None:
    write, message = HOSTILE[case]
    path = tmp_path / "resnet_4.pth"
    write(path)
    with refused((Corrupt, Missing), match=message) as caught:
        read_model(path)
    assert str(path) in line(caught.value) and "\n" not in line(caught.value)
    # The file is somebody else's: there is no run to export again.
    assert "export" not in caught.value.remedy


@pytest.mark.parametrize("name", ["weights.ckpt", "pytorch_model.bin"])
def test_a_file_that_is_named_is_read_whatever_torch_users_call_it(
    tmp_path: Path, name: str
) -> None:
    _save(tmp_path / name, list(blocks(4)))
    assert read_model(tmp_path / name).depth == 4


@pytest.mark.parametrize(
    ("name", "content", "seen"),
    [
        ("model.h5", b"\x89HDF\r\n\x1a\n00", "it is an HDF5 file"),
        ("notes.md", b"# Notes", "it is text that begins with '# Notes'"),
        ("model.npy", b"\x93NUMPY\x01\x00", "it is a numpy array"),
    ],
)
def test_another_extension_is_no_kind_of_weights(
    tmp_path: Path, name: str, content: bytes, seen: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with refused(Missing, match=seen):
        read_model(tmp_path / name)


def test_a_folder_with_the_name_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.pth").mkdir()
    with refused(System, match="Is a directory"):
        read_file(tmp_path / "x.pth")


@pytest.mark.parametrize(
    ("part", "name", "advice"),
    [
        ("exported_models", "resnet_6.pth", "export the run again"),
        ("checkpoints", "last.safetensors", "remove the file; then an earlier checkpoint is used"),
    ],
)
def test_what_helps_depends_on_whose_file_it_is(
    small_run: Path, tmp_path: Path, part: str, name: str, advice: str
) -> None:
    run = shutil.copytree(small_run, tmp_path / "run")
    path = run / part / name
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(Corrupt) as caught:
        read_model(path)
    assert caught.value.remedy == advice


@pytest.mark.parametrize("part", ["", "exported_models", "checkpoints"])
def test_a_run_and_its_folders_know_the_beta_and_the_last_weights(small_run, part: str) -> None:
    (model,) = read_models([small_run / part])
    last = read_model(small_run / "checkpoints" / "last.safetensors")
    np.testing.assert_array_equal(model.blocks, last.blocks)
    assert (model.depth, model.width, model.beta) == (6, 4, 0.25)


def test_without_a_last_checkpoint_the_newest_counts(small_run, tmp_path: Path) -> None:
    run = shutil.copytree(small_run, tmp_path / "run")
    (run / "checkpoints" / "last.safetensors").unlink()
    assert read_models([run])[0].path.stem == "step_00000005"
    shutil.rmtree(run / "checkpoints")
    assert read_models([run])[0].path.parent.name == "exported_models"


def other_run(folder: Path) -> Path:
    """A run of `resnet-cifar` with six blocks."""
    state = {f"blocks.{k}.first.kernel": torch.ones(2, 2, 3, 3) for k in range(6)}
    write_manifest(folder, new_manifest("resnet-cifar", {"depth": 14, "seed": 0}, ["resdepth"]))
    write_checkpoint(last_path(folder), Checkpoint(1, 0.1, state))
    return folder


def test_another_program_is_left_out_of_a_folder_and_not_if_it_is_named(
    small_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_run, tmp_path / "all/a")
    (tmp_path / "all/b").mkdir()
    run = other_run(tmp_path / "all/b")
    with pytest.warns(UserWarning, match=r"b: not a run of 'train'; left out"):
        assert [model.depth for model in read_models(tmp_path / "all")] == [6]
    with pytest.raises(PatternNeeded) as caught:
        read_models([small_run, run])
    ((bundle, rows),) = caught.value.families
    assert bundle.run == run and rows[0].pattern == "blocks.{k}.first.kernel"
    with refused(Usage, match="--layers: has no effect without --pattern"):
        read_paths(small_run, layers=(0, 1))


def test_paths_of_reads_and_pools(small_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(small_run, tmp_path / "copy")
    pool = resdepth.paths_of([small_run, copy])
    assert [path.source.parents[1] for path in pool] == [small_run] and len(pool.left_out) == 1
    assert len(resdepth.paths_of([small_run, copy], allow_mixed=True)) == 2
    (path,) = pool
    np.testing.assert_array_equal(path.scaled(path.blocks, 0.5), 6**0.5 * path.blocks)
    assert path.own and path.way == "path" and path.matrix == (4, 4)
