"""Where a checkpoint's files lie, and which families in it are paths."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from resdepth.cli.console import line
from resdepth.errors import (
    Corrupt,
    Impossible,
    Missing,
    Usage,
)
from resdepth.weights.bundle import Bundle
from resdepth.weights.families import find_families
from resdepth.weights.read import stored_models
from tests.support.bundles import read_bundles
from tests.support.messages import refused

PATTERN = "h.{k}.w"


def layers(numbers: range, shape: tuple[int, ...] = (3, 2), seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {f"h.{k}.w": torch.randn(shape, generator=generator) for k in numbers}


def saved(path: Path, tensors: dict[str, Tensor]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return path


def depths(*sources: Path) -> list[int]:
    return [len(bundle.tensors) for bundle in read_bundles(list(sources))]


def test_an_index_leads_to_its_shards(tmp_path: Path) -> None:
    state = layers(range(4))
    for shard, names in (("a", ("h.0.w", "h.2.w")), ("b", ("h.1.w", "h.3.w"))):
        saved(tmp_path / f"{shard}.safetensors", {name: state[name] for name in names})
    saved(tmp_path / "other.safetensors", layers(range(9)))
    places = {name: f"{'ab'[int(name[2]) % 2]}.safetensors" for name in state}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    for source in (tmp_path, index):
        (model,) = stored_models([source], PATTERN)
        np.testing.assert_array_equal(
            model.blocks, torch.stack([state[f"h.{k}.w"] for k in range(4)]).double().numpy()
        )


def test_shards_without_an_index_are_one_checkpoint(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        name = f"model-{number:05d}-of-00003.safetensors"
        saved(tmp_path / name, layers(range(2 * number - 2, 2 * number)))
    assert depths(tmp_path) == [6] == depths(tmp_path / "model-00002-of-00003.safetensors")


def test_files_without_a_name_in_common_are_parts(tmp_path: Path) -> None:
    first = saved(tmp_path / "a.pt", layers(range(2)))
    second = saved(tmp_path / "b.pt", layers(range(2, 5)))
    assert depths(tmp_path) == [5] == depths(first, second)


def test_files_with_a_name_in_common_are_checkpoints(tmp_path: Path) -> None:
    first = saved(tmp_path / "a.pt", layers(range(2)))
    second = saved(tmp_path / "b.pt", layers(range(5)))
    assert depths(first, second) == [2, 5] == depths(tmp_path)
    assert [model.depth for model in stored_models([second, first], PATTERN)] == [2, 5]


def test_a_folder_of_two_of_one_depth_is_ambiguous_and_naming_them_is_not(tmp_path: Path) -> None:
    files = [saved(tmp_path / f"{name}.pt", layers(range(3), seed=ord(name))) for name in "ab"]
    with refused(Impossible, match=r"a.pt and b.pt both hold 'h.{k}.w'"):
        stored_models([tmp_path], PATTERN)
    assert len(stored_models(files, PATTERN)) == 2


def test_safetensors_win_over_pickles_in_a_folder(tmp_path: Path) -> None:
    saved(tmp_path / "model.safetensors", layers(range(3)))
    saved(tmp_path / "pytorch_model.bin", layers(range(4)))
    saved(tmp_path / "model.pt", layers(range(5)))
    assert depths(tmp_path) == [3]
    assert [len(bundle.tensors) for bundle in read_bundles([tmp_path], "pt")] == [5]
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.pt").unlink()
    assert depths(tmp_path) == [4]


def test_folders_below_are_searched_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for place, depth in (("a", 2), ("b/c", 3), (".cache", 4)):
        saved(tmp_path / place / "x.pt", layers(range(depth)))
    assert depths(tmp_path) == [2, 3]


def test_what_is_broken_in_a_folder_is_left_out_and_what_is_named_is_not(tmp_path: Path) -> None:
    saved(tmp_path / "a.pt", layers(range(2)))
    (tmp_path / "b.pt").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"b.pt: an empty file; left out"):
        assert depths(tmp_path) == [2]
    with refused(Corrupt, match=r"b.pt"):
        read_bundles([tmp_path / "a.pt", tmp_path / "b.pt"])


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Missing):
        read_bundles([tmp_path / "nowhere"])
    with refused(Missing, match="with extension npz"):
        read_bundles([tmp_path], "npz")


def bundle(tmp_path: Path, tensors: dict[str, Tensor]) -> Bundle:
    (found,) = read_bundles([saved(tmp_path / "x.pt", tensors)])
    return found


def test_layers_count_from_any_number(tmp_path: Path) -> None:
    (family,) = find_families(bundle(tmp_path, layers(range(3, 7))), PATTERN)
    assert [layer.name for layer in family.layers] == [f"h.{k}.w" for k in range(3, 7)]
    (part,) = find_families(bundle(tmp_path, layers(range(3, 7))), PATTERN, (4, 5))
    assert [layer.name for layer in part.layers] == ["h.4.w", "h.5.w"]


BROKEN: dict[str, tuple[dict[str, Tensor], str, str]] = {
    "gaps": (
        layers(range(3)) | layers(range(4, 6)) | layers(range(9, 11)),
        r"'h.{k}.w' has no k = 3, 6-8 between 0 and 10",
        "--layers=0-2",
    ),
    "shapes": (
        layers(range(1)) | layers(range(1, 4), (3, 3)),
        r"different shapes: k = 0 is 3 x 2, k = 1 is 3 x 3",
        "--layers=1-3",
    ),
    "twice": (
        layers(range(3)) | {"h.02.w": torch.ones(3, 2)},
        r"has k = 2 twice: h.02.w and h.2.w|has k = 2 twice: h.2.w and h.02.w",
        "rename",
    ),
    "integers": (
        {f"h.{k}.w": torch.ones(2, 2, dtype=torch.int8) for k in range(2)},
        "k = 0, holds int8",
        "scales",
    ),
    "nothing": ({f"h.{k}.w": torch.ones(0, 2) for k in range(2)}, "holds no numbers", "real"),
    "far": (
        layers(range(2)) | {"h.999999999.w": torch.ones(3, 2)},
        "has no k = 2-999999998 between 0 and 999999999",
        "--layers=0-1",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_path_is_named(tmp_path: Path, case: str) -> None:
    tensors, message, advice = BROKEN[case]
    with refused((Impossible, Corrupt), match=message) as caught:
        find_families(bundle(tmp_path, tensors), PATTERN)
    assert advice in line(caught.value)


def test_of_several_families_the_broken_are_left_out(tmp_path: Path) -> None:
    tensors = layers(range(3)) | {"g.0.w": torch.ones(2), "g.2.w": torch.ones(2)}
    with pytest.warns(UserWarning, match=r"'g.{k}.w' has no k = 1 .*; left out"):
        (family,) = find_families(bundle(tmp_path, tensors), "*.{k}.w")
    assert family.family == "h.{k}.w"


def test_a_pattern_that_fits_nothing_names_what_is_near(tmp_path: Path) -> None:
    held = bundle(tmp_path, layers(range(3)))
    with refused(Usage, match=r"no tensor is called 'h.{k}.v'") as caught:
        find_families(held, "h.{k}.v")
    assert caught.value.remedy == "similar: h.{k}.w" and caught.value.exit_code == 2
    with pytest.raises(Usage) as caught:
        find_families(held, "model.layers.{k}.mlp.down_proj")
    assert caught.value.remedy == "it has: h.{k}.w"
    with pytest.raises(Usage) as caught:
        find_families(bundle(tmp_path, {"a": torch.ones(2), "b": torch.ones(2)}), "h.{k}")
    assert caught.value.remedy == "nothing in it looks like layers: a, b"


def test_layers_outside(tmp_path: Path) -> None:
    with refused(Impossible, match="has no layer in 7-9") as caught:
        find_families(bundle(tmp_path, layers(range(3))), PATTERN, (7, 9))
    assert caught.value.remedy == "it has layers 0-2"


def test_one_family_has_one_shape(tmp_path: Path) -> None:
    files = [saved(tmp_path / f"{n}.pt", layers(range(3), (n, n))) for n in (2, 3)]
    with refused(Impossible, match=r"'h.{k}.w' is 3 x 3, but 2 x 2 in .*2.pt"):
        stored_models(files, PATTERN)
