"""Quantised weights: float8 times its scales, exactly; integers are named and refused."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from resdepth.errors import Corrupt
from resdepth.weights.families import quantised
from resdepth.weights.read import stored_models
from tests.support.bundles import read_bundles
from tests.support.messages import refused

E4M3 = torch.float8_e4m3fn
PATTERN = "h.{k}.weight"


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape) + shape[0]))


def spread(scale: np.ndarray, sizes: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Each scale repeated over its block."""
    for axis, size in enumerate(sizes):
        scale = np.repeat(scale, size, axis=axis)
    return scale[tuple(slice(length) for length in shape)]


SCALES: dict[str, tuple[str, tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    "a number": ("weight_scale", (6, 4), (), (6, 4)),
    "one entry": ("weight_scale_inv", (6, 4), (1,), (6, 4)),
    "rows": ("weight_scale", (6, 4), (6, 1), (1, 4)),
    "rows without columns": ("weight_scale", (6, 6), (6,), (1, 6)),
    "columns": ("weight_scale", (6, 4), (1, 4), (6, 1)),
    "blocks of 128": ("weight_scale_inv", (200, 130), (2, 2), (128, 128)),
    "blocks of 32": ("weight_scale", (4, 64), (4, 2), (1, 32)),
    "experts": ("weight_scale_inv", (2, 130, 5), (2, 2, 1), (1, 128, 5)),
    "kernels": ("weight_scale", (4, 3, 2, 2), (4, 1, 1, 1), (1, 3, 2, 2)),
    "before the name": ("scale_weight", (6, 4), (), (6, 4)),
}


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("name", SCALES)
def test_float8_is_multiplied_by_its_scales(tmp_path: Path, name: str, suffix: str) -> None:
    called, shape, scales, sizes = SCALES[name]
    state, expected = {}, []
    for k in range(3):
        weight, scale = (k + drawn(*shape)).to(E4M3), (drawn(*(scales or (1,))).abs() + k + 0.1)
        state[f"h.{k}.weight"], state[f"h.{k}.{called}"] = weight, scale.reshape(scales)
        state[f"h.{k}.input_scale"] = torch.tensor(7.0)
        factor = scale.double().numpy().reshape(scales + (1,) * (len(shape) - len(scales)))
        expected.append(weight.double().numpy() * spread(factor, sizes, shape))
    path = tmp_path / f"x{suffix}"
    if suffix == ".pth":
        torch.save({"model": state}, path)
    else:
        safetensors.torch.save_file(state, path)
    (model,) = stored_models([path], PATTERN)
    np.testing.assert_array_equal(model.blocks, np.stack(expected))
    np.testing.assert_array_equal(model.columns(1, 4), np.stack(expected).reshape(3, -1)[:, 1:4])
    assert model.layers[0].dtype == "float8_e4m3fn with scales"


def test_scales_in_another_shard_are_found(tmp_path: Path) -> None:
    weights = {f"h.{k}.weight": drawn(4, 3).to(E4M3) for k in range(2)}
    scales = {f"h.{k}.weight_scale": torch.tensor(2.0 + k) for k in range(2)}
    for number, state in enumerate((weights, scales), start=1):
        safetensors.torch.save_file(state, tmp_path / f"m-0000{number}-of-00002.safetensors")
    (model,) = stored_models([tmp_path], PATTERN)
    expected = [(2.0 + k) * weights[f"h.{k}.weight"].double().numpy() for k in range(2)]
    np.testing.assert_array_equal(model.blocks, np.stack(expected))


def test_scales_are_no_family_of_their_own(tmp_path: Path) -> None:
    state = {f"h.{k}.weight": drawn(4, 3).to(E4M3) for k in range(2)}
    state |= {f"h.{k}.weight_scale": torch.tensor(2.0) for k in range(2)}
    safetensors.torch.save_file(state, tmp_path / "x.safetensors")
    (model,) = stored_models([tmp_path], "h.{k}.*")
    assert model.family == PATTERN


def test_float8_without_a_scale_is_told_once(tmp_path: Path) -> None:
    state = {f"{part}.{k}.weight": drawn(4, 3).to(E4M3) for k in range(3) for part in "ab"}
    safetensors.torch.save_file(state, tmp_path / "x.safetensors")
    with pytest.warns(UserWarning, match="float8_e4m3fn: it has no scale") as told:
        models = stored_models([tmp_path], "*.{k}.weight")
    assert len(told) == 1 and len(models) == 2


@pytest.mark.parametrize("scales", [(5,), (4,), (2,), (3, 1), (6, 4, 1)])
def test_a_scale_that_does_not_fit_is_an_error(tmp_path: Path, scales: tuple[int, ...]) -> None:
    state = {f"h.{k}.weight": drawn(8, 4).to(E4M3) for k in range(2)}
    state |= {f"h.{k}.weight_scale": torch.ones(scales) for k in range(2)}
    safetensors.torch.save_file(state, tmp_path / "x.safetensors")
    with refused(Corrupt, match=r"k = 0, holds .* whose scale .* does not fit"):
        stored_models([tmp_path], PATTERN)


def whole(*shape: int, dtype: torch.dtype = torch.int32) -> Tensor:
    return torch.ones(shape, dtype=dtype)


INTEGERS: dict[str, tuple[str, dict[str, Tensor]]] = {
    "packed by GPTQ or AWQ": (
        "qweight",
        {"qweight": whole(4, 8), "scales": drawn(2, 8).half(), "qzeros": whole(2, 1)},
    ),
    "of bitsandbytes, 8 bits": (
        "weight",
        {"weight": whole(4, 8, dtype=torch.int8), "SCB": drawn(4)},
    ),
    "of bitsandbytes, 4 bits": (
        "weight",
        {"weight": whole(16, 1, dtype=torch.uint8), "weight.absmax": drawn(1)},
    ),
    "packed by compressed-tensors": (
        "weight_packed",
        {"weight_packed": whole(4, 1), "weight_scale": drawn(4, 1).bfloat16()},
    ),
    "with a scale next to them": (
        "weight",
        {"weight": whole(4, 8, dtype=torch.int8), "weight_scale": drawn(4, 1)},
    ),
}


@pytest.mark.parametrize("kind", INTEGERS)
def test_integers_are_named_for_what_they_are(tmp_path: Path, kind: str) -> None:
    name, parts = INTEGERS[kind]
    state = {f"h.{k}.{part}": t.clone() for k in range(2) for part, t in parts.items()}
    safetensors.torch.save_file(state, tmp_path / "x.safetensors")
    with refused(Corrupt, match=f"holds quantised .*, {kind}") as caught:
        stored_models([tmp_path], f"h.{{k}}.{name}")
    assert "need their scales first" in caught.value.remedy
    (bundle,) = read_bundles([tmp_path])
    assert kind in quantised(bundle) and "and 1 more" in quantised(bundle)
    assert not [one for one in bundle.tensors.values() if one.numbers is not None]


def test_meta_tensors_hold_no_numbers(tmp_path: Path) -> None:
    state = {f"h.{k}.weight": torch.empty(3, 3, device="meta") for k in range(2)}
    torch.save(state | {"a.0.w": torch.ones(2), "a.1.w": torch.ones(2)}, tmp_path / "x.pth")
    with refused(Corrupt, match=r"k = 0, holds float32 without numbers.*meta device"):
        stored_models([tmp_path], PATTERN)
    assert [model.depth for model in stored_models([tmp_path], "a.{k}.w")] == [2]


def test_a_negative_bit_is_resolved(tmp_path: Path) -> None:
    turned = torch.randn(3, 3, dtype=torch.complex128).conj().imag
    assert turned.is_neg()
    torch.save({f"h.{k}.weight": turned for k in range(2)}, tmp_path / "x.pth")
    (model,) = stored_models([tmp_path], PATTERN)
    np.testing.assert_array_equal(model.blocks[1], turned.resolve_neg().numpy())
