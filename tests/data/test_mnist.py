"""IDX files, plain and gzipped, whole and damaged."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resdepth.data import torchvision_sets
from resdepth.data.load import load_data
from resdepth.data.torchvision_sets import idx_file, pixels, read_idx
from resdepth.errors import Corrupt, System
from resdepth.options.train import TrainOptions


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@given(st.lists(st.integers(0, 4), max_size=4), st.booleans())
def test_what_was_written_is_read(tmp_path_factory, shape: list[int], packed: bool) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    path = tmp_path_factory.mktemp("idx") / ("x.gz" if packed else "x")
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    assert np.array_equal(read_idx(path), array)


def mnist(root: Path, packed: bool = True, **changed: np.ndarray) -> Path:
    """MNIST's four files with 8 and 4 images of 3 x 3 pixels."""
    generator = np.random.default_rng(0)
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", 8), ("t10k", 4)):
        arrays = {
            f"{part}_images": generator.integers(0, 256, (count, 3, 3), dtype=np.uint8),
            f"{part}_labels": np.arange(count, dtype=np.uint8),
        }
        for (name, array), kind in zip(arrays.items(), ("images-idx3", "labels-idx1"), strict=True):
            content = idx(changed.get(name, array))
            file = raw / f"{part}-{kind}-ubyte"
            if packed:
                file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(content))
            else:
                file.write_bytes(content)
    return root


def test_gzipped_files_in_place_are_used(tmp_path: Path) -> None:
    plain, packed = mnist(tmp_path / "plain", packed=False), mnist(tmp_path / "packed")
    before = sorted(packed.rglob("*"))
    for part in (True, False):
        one, other = (pixels("mnist", root, train=part) for root in (plain, packed))
        assert np.array_equal(one.images, other.images) and one.digest == other.digest
        assert one.labels.tolist() == other.labels.tolist() == list(range(8 if part else 4))
    # Nothing is unpacked beside them: the folder may be read-only.
    assert sorted(packed.rglob("*")) == before


def test_an_unpacked_file_goes_before_its_archive(tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(b"")
    assert idx_file(tmp_path, "x") == tmp_path / "x.gz"
    (tmp_path / "x").write_bytes(b"")
    assert idx_file(tmp_path, "x") == tmp_path / "x"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"train_labels": np.zeros(7, np.uint8)}, "8 images in train-images.*, but 7 labels"),
        ({"t10k_labels": np.full(4, 10, np.uint8)}, "a label of 10, not 0 to 9"),
        ({"t10k_images": np.zeros((4, 2, 2), np.uint8)}, "of 3 x 3 pixels, test images of 2 x 2"),
        ({"train_images": np.zeros((0, 3, 3), np.uint8)}, "holds no images"),
        ({"train_images": np.zeros((8, 9), np.uint8)}, "holds no images"),
    ],
)
def test_files_that_do_not_fit_together(
    tmp_path: Path, changed: dict[str, np.ndarray], reason: str
) -> None:
    with pytest.raises(Corrupt, match=f"the files of mnist cannot be read.*{reason}"):
        load_data(TrainOptions(data="mnist", data_dir=mnist(tmp_path, **changed)))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda content: content[:-9], "not a whole .gz file"),
        (lambda content: content[:30] + b"\0\0\0" + content[33:], "not a whole .gz file"),
        (lambda content: b"", "not a whole .gz file|not an IDX file"),
        (lambda content: b"<html>404</html>", "not a whole .gz file"),
        (lambda content: gzip.compress(b"<html>404</html>"), "not an IDX file of bytes"),
        (lambda content: gzip.compress(idx(np.zeros((8, 3, 3), np.uint8))[:-1]), "71 bytes, not"),
        (lambda content: gzip.compress(b"\0\0\x08\x03\0\0"), "not an IDX file of bytes"),
    ],
    ids=["cut", "flipped", "empty", "a web page", "a packed web page", "short", "no header"],
)
def test_damaged_archives_are_named(
    tmp_path: Path, damage: Callable[[bytes], bytes], reason: str
) -> None:
    path = mnist(tmp_path) / "MNIST/raw/train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(Corrupt, match=reason) as caught:
        load_data(TrainOptions(data="mnist", data_dir=tmp_path))
    assert "train-images-idx3-ubyte.gz" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("place", ["", "MNIST", "MNIST/raw"])
@pytest.mark.parametrize("dotted", [(), ("images",), ("images", "labels")])
def test_other_names_and_other_folders(
    tmp_path: Path, packed: bool, place: str, dotted: tuple[str, ...]
) -> None:
    expected = pixels("mnist", mnist(tmp_path / "usual", packed), train=True)
    root = mnist(tmp_path / "other", packed)
    for kind in dotted:
        for file in list((root / "MNIST/raw").glob(f"*{kind}*")):
            file.rename(file.with_name(file.name.replace(f"{kind}-", f"{kind}.")))
    found = pixels("mnist", root / place, train=True)
    assert found.digest == expected.digest and np.array_equal(found.images, expected.images)
    assert pixels("mnist", root / place, train=False).labels.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("folder", ["", "MNIST", "MNIST/raw"])
def test_what_is_missing_is_named_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    raw = mnist(tmp_path) / "MNIST/raw"
    (raw / "t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setattr(torchvision_sets, "_download", lambda *args: "")
    with pytest.raises(System) as caught:
        load_data(TrainOptions(data="mnist", data_dir=tmp_path / folder))
    assert caught.value.remedy == f"put t10k-labels-idx1-ubyte (.gz or not) into {raw}"
