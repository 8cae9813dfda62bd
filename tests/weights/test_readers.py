"""Every kind of file against numpy: the numbers exactly, read whole, in parts and out of order."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from resdepth.errors import Corrupt, Missing
from resdepth.weights import loading
from resdepth.weights import tensor as tensors
from resdepth.weights.file import read_file
from tests.support.messages import refused

DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float8_e4m3fn": torch.float8_e4m3fn,
    "float8_e5m2": torch.float8_e5m2,
    "float8_e4m3fnuz": torch.float8_e4m3fnuz,
    "float8_e5m2fnuz": torch.float8_e5m2fnuz,
}
SHAPES = {"h.0.w": (5, 4), "h.1.w": (5, 4), "bias": (7,), "kernel": (2, 3, 3, 3), "scale": ()}


def drawn(dtype: torch.dtype) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
        for name, shape in SHAPES.items()
    }


def nested(state: dict[str, Tensor]) -> dict[str, object]:
    return {"state_dict": state, "epoch": 3, "optimizer": {"state": {0: {"m": torch.ones(2)}}}}


def lightning(state: dict[str, Tensor]) -> dict[str, object]:
    return {**nested(state), "pytorch-lightning_version": "2.5", "loops": {"fit": {"n": 1}}}


def in_dots(state: dict[str, Tensor]) -> dict[str, object]:
    found: dict[str, object] = {name: t for name, t in state.items() if "." not in name}
    return {**found, "h": {0: {"w": state["h.0.w"]}, 1: {"w": state["h.1.w"]}}}


def write_safetensors(path: Path, content: dict[str, tuple[str, bytes]]) -> None:
    """A file of vectors by their words and bytes: earlier libraries cannot write every word."""
    entries, end = {}, 0
    for name, (word, raw) in content.items():
        size = {"F32": 4, "C64": 8}.get(word, 1)
        offsets = [end, end := end + len(raw)]
        entries[name] = {"dtype": word, "shape": [len(raw) // size], "data_offsets": offsets}
    text = json.dumps(entries).encode()
    path.write_bytes(
        len(text).to_bytes(8, "little") + text + b"".join(r for _, r in content.values())
    )


def save_safetensors(path: Path, state: dict[str, Tensor]) -> None:
    try:
        safetensors.torch.save_file(state, path)
    except KeyError as error:
        pytest.skip(f"this release of safetensors cannot write {error}")


Write = Callable[[Path, dict[str, Tensor]], object]
WRITERS: dict[str, tuple[str, Write]] = {
    "safetensors": (".safetensors", save_safetensors),
    "plain": (".pth", lambda path, state: torch.save(state, path)),
    "nested": (".pt", lambda path, state: torch.save(nested(state), path)),
    "model": (".pt", lambda path, state: torch.save({"model": state, "step": 1}, path)),
    "twice": (".bin", lambda path, state: torch.save({"model": nested(state)}, path)),
    "lightning": (".ckpt", lambda path, state: torch.save(lightning(state), path)),
    "dictionaries": (".pth", lambda path, state: torch.save(in_dots(state), path)),
    "parameters": (
        ".pth",
        lambda path, state: torch.save(
            {name: torch.nn.Parameter(t, requires_grad=False) for name, t in state.items()}, path
        ),
    ),
    "old": (
        ".pth",
        lambda path, state: torch.save(state, path, _use_new_zipfile_serialization=False),
    ),
}


# The old kind of torch's files has no float8.
KINDS = [(k, d) for k in WRITERS for d in DTYPES if k != "old" or not d.startswith("float8")]


@pytest.mark.parametrize(("kind", "dtype"), KINDS)
def test_numbers_are_those_that_were_written(tmp_path: Path, kind: str, dtype: str) -> None:
    suffix, write = WRITERS[kind]
    state = drawn(DTYPES[dtype])
    write(tmp_path / f"x{suffix}", state)
    found = read_file(tmp_path / f"x{suffix}")
    assert set(found) == set(state)
    for name, stored in found.items():
        expected = state[name].double().numpy()
        assert (stored.shape, stored.dtype) == (expected.shape, dtype)
        np.testing.assert_array_equal(stored.whole(), expected)
        last = stored.size - 1
        np.testing.assert_array_equal(stored.read(last, last + 1), expected.reshape(-1)[-1:])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", ["<f8", "<f4", ">f4", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_numpy(tmp_path: Path, save: Callable, dtype: str, order: str) -> None:
    written = np.random.default_rng(0).standard_normal((6, 5, 4)).astype(dtype, order=order)
    save(tmp_path / "x.npz", **{"h.0": written, "h.1": written[1]})
    found = read_file(tmp_path / "x.npz")
    for name, expected in (("h.0", written), ("h.1", written[1])):
        np.testing.assert_array_equal(found[name].whole(), expected.astype(np.float64))
    flat = written.astype(np.float64).reshape(-1)
    # Forward, with a gap, and back again.
    for start, stop in ((0, 7), (7, 20), (90, 120), (3, 5), (3, 5)):
        np.testing.assert_array_equal(found["h.0"].read(start, stop), flat[start:stop])


def test_a_tensor_is_put_together_from_chunks(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tensors, "CHUNK", 7)
    state = drawn(torch.float32)
    safetensors.torch.save_file(state, tmp_path / "x.safetensors")
    torch.save({"h.0.w": state["h.0.w"].T}, tmp_path / "x.pth")
    found = read_file(tmp_path / "x.safetensors")["kernel"].whole()
    np.testing.assert_array_equal(found, state["kernel"].double().numpy())
    # A view that lies otherwise than it reads.
    turned = read_file(tmp_path / "x.pth")["h.0.w"].whole()
    np.testing.assert_array_equal(turned, state["h.0.w"].T.double().numpy())


def test_a_list_counts_from_nought(tmp_path: Path) -> None:
    torch.save([torch.ones(2, 3), torch.zeros(2, 3)], tmp_path / "x.pt")
    assert list(read_file(tmp_path / "x.pt")) == ["0", "1"]


def test_what_holds_no_real_numbers_is_there_without_them(tmp_path: Path) -> None:
    state = {"i": torch.ones(3, dtype=torch.int8), "c": torch.ones(3, dtype=torch.complex64)}
    content = {"i": ("I8", bytes(3)), "c": ("C64", bytes(24))}
    write_safetensors(tmp_path / "x.safetensors", content)
    torch.save({**state, "s": torch.eye(3).to_sparse()}, tmp_path / "x.pt")
    np.savez(tmp_path / "x.npz", i=np.ones(3, np.int8), c=np.ones(3, np.complex64))
    for suffix in ("safetensors", "pt", "npz"):
        for name, stored in read_file(tmp_path / f"x.{suffix}").items():
            with refused(Corrupt, match=f"{name} holds .*, not real numbers"):
                stored.read(0, 1)


@pytest.mark.parametrize("newest", [True, False])
def test_scales_that_an_old_torch_cannot_read_are_there_without_numbers(
    tmp_path: Path, monkeypatch, newest: bool
) -> None:
    if not newest:
        monkeypatch.delitem(loading.FLOATS, "F8_E8M0", raising=False)
    elif "F8_E8M0" not in loading.FLOATS:
        pytest.skip("this torch has no float8_e8m0fnu")
    numbers = np.arange(3, dtype="<f4")
    content = {"s": ("F8_E8M0", bytes([126, 127, 128])), "w": ("F32", numbers.tobytes())}
    write_safetensors(tmp_path / "x.safetensors", content)
    found = read_file(tmp_path / "x.safetensors")
    np.testing.assert_array_equal(found["w"].whole(), numbers)
    if newest:
        np.testing.assert_array_equal(found["s"].whole(), [0.5, 1.0, 2.0])
    else:
        with refused(Corrupt, match="s holds F8_E8M0, not real numbers"):
            found["s"].read(0, 1)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_numbers_that_are_not_finite_are_named(tmp_path: Path, bad: float) -> None:
    state = {"w": torch.ones(3, 4)}
    state["w"][2, 1] = bad
    safetensors.torch.save_file(state, tmp_path / "x.safetensors")
    with refused(Corrupt, match=r"w, entry \(2, 1\) is (nan|inf)"):
        read_file(tmp_path / "x.safetensors")["w"].whole()


def test_a_file_that_shrinks_meanwhile_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    safetensors.torch.save_file({"w": torch.ones(30)}, path)
    stored = read_file(path)["w"]
    path.write_bytes(path.read_bytes()[:-4])
    with refused(Corrupt, match="w: the file ends before its numbers do"):
        stored.whole()


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Missing):
        read_file(tmp_path / "x.safetensors")
    (tmp_path / "x.gguf").write_bytes(b"GGUF" + bytes(20))
    with refused(Missing, match="it is a GGUF file"):
        read_file(tmp_path / "x.gguf")
