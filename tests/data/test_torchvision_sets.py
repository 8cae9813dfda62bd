"""MNIST and CIFAR-10 through torchvision, with nothing downloaded."""

import gzip
import hashlib
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision import datasets

from resdepth.cli.console import line
from resdepth.data import torchvision_sets
from resdepth.data.load import load_data
from resdepth.errors import Corrupt, System
from resdepth.options.train import TrainOptions
from tests.support.messages import refused


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **settings: object) -> None:
        raise URLError("the network is unreachable")

    for module in (datasets.mnist, datasets.cifar):
        monkeypatch.setattr(module, "download_and_extract_archive", unreachable)


@pytest.fixture(scope="module")
def mnist(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Genuine MNIST, unpacked."""
    root = tmp_path_factory.mktemp("mnist")
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    packed = list((shared_data / "mnist/MNIST/raw").glob("*.gz"))
    if not packed:
        pytest.skip("no mnist in shared/data")
    for path in packed:
        with gzip.open(path) as source, (raw / path.stem).open("wb") as target:
            shutil.copyfileobj(source, target)
    return root


def test_mnist(mnist: Path) -> None:
    train, test = load_data(TrainOptions(data="mnist", data_dir=mnist))
    assert train.inputs.shape == (3678, 784) and test.inputs.shape == (10000, 784)
    raw = (test.inputs * 0.3081 + 0.1307) * 255.0
    torch.testing.assert_close(raw, raw.round(), rtol=0, atol=1e-3)
    assert (int(raw.min().round()), int(raw.max().round())) == (0, 255)
    # The first test image is a seven, the published mean of the training set 0.1307.
    assert int(test.targets[0]) == 7 and len(test.classes) == 10
    assert abs(float(train.inputs.mean())) < 0.02


def test_mnist_rows_are_read_in_order(mnist: Path) -> None:
    raw = (mnist / "MNIST/raw/t10k-images-idx3-ubyte").read_bytes()
    first = np.frombuffer(raw, dtype=np.uint8, count=784, offset=16)
    found = torchvision_sets.pixels("mnist", mnist, train=False).images[0].numpy().ravel()
    assert np.array_equal(found, first)


def make_cifar(root: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Five batches and a test batch of four images each, in the published layout."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    data = generator.integers(0, 256, (6, 4, 3072), dtype=np.uint8)
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    sums = {}
    for name, images in zip(names, data, strict=True):
        content = pickle.dumps({"data": images, "labels": [0, 3, 9, 1]})
        (folder / name).write_bytes(content)
        sums[name] = hashlib.md5(content).hexdigest()
    content = pickle.dumps({"label_names": [f"class {i}" for i in range(10)]})
    (folder / "batches.meta").write_bytes(content)
    kind = datasets.CIFAR10
    monkeypatch.setattr(kind, "train_list", [[name, sums[name]] for name in names[:5]])
    monkeypatch.setattr(kind, "test_list", [[names[5], sums[names[5]]]])
    meta = {**kind.meta, "md5": hashlib.md5(content).hexdigest()}
    monkeypatch.setattr(kind, "meta", meta)
    return data


def test_cifar10_layout_and_normalisation(tmp_path: Path, monkeypatch: Any) -> None:
    data = make_cifar(tmp_path, monkeypatch)
    options = TrainOptions(data="cifar10", data_dir=tmp_path, dtype="float64")
    train, test = load_data(options)
    assert train.inputs.shape == (20, 3072) and test.targets.tolist() == [0, 3, 9, 1]
    mean = np.repeat([0.4914, 0.4822, 0.4465], 1024)
    std = np.repeat([0.2023, 0.1994, 0.2010], 1024)
    wanted = (data[5] / 255.0 - mean) / std
    np.testing.assert_allclose(test.inputs.numpy(), wanted, rtol=0, atol=1e-12)
    assert train.classes[3] == "class 3"


@pytest.mark.parametrize(
    ("name", "place"), [("mnist", "MNIST/raw"), ("cifar10", "cifar-10-batches-py")]
)
def test_a_missing_download_says_where_to_put_it(tmp_path: Path, name: str, place: str) -> None:
    with refused(System, match="could not be downloaded") as caught:
        load_data(TrainOptions(data=name, data_dir=tmp_path / "data"))
    advice = caught.value.remedy
    assert str(tmp_path / "data") in advice and place in advice
    assert "\n" not in line(caught.value)


def test_the_default_place_is_the_cache() -> None:
    with refused(System, match="/cache/resdepth"):
        load_data(TrainOptions(data="mnist"))


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[:1000], lambda content: b"", lambda content: b"\xff" + content[1:]],
    ids=["truncated", "empty", "not IDX"],
)
def test_damaged_mnist(mnist: Path, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    shutil.copytree(mnist, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "MNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    with refused(Corrupt, match="the files of mnist cannot be read"):
        load_data(TrainOptions(data="mnist", data_dir=tmp_path))


def test_a_changed_cifar_pickle_is_not_opened(tmp_path: Path, monkeypatch: Any) -> None:
    make_cifar(tmp_path, monkeypatch)
    marker = tmp_path / "ran"

    class Payload:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return Path.touch, (marker,)  # type: ignore[return-value]

    (tmp_path / "cifar-10-batches-py/data_batch_1").write_bytes(pickle.dumps(Payload()))
    with pytest.raises((System, Corrupt)):
        load_data(TrainOptions(data="cifar10", data_dir=tmp_path))
    assert not marker.exists()


def test_a_damaged_cifar_file_is_named_and_kept(tmp_path: Path, monkeypatch: Any) -> None:
    make_cifar(tmp_path, monkeypatch)
    path = tmp_path / "cifar-10-batches-py/data_batch_3"
    path.write_bytes(damaged := path.read_bytes()[:-100])
    with refused(Corrupt, match="data_batch_3 is damaged: its MD5 is not") as caught:
        load_data(TrainOptions(data="cifar10", data_dir=tmp_path))
    assert "remove them to download them again" in caught.value.remedy
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("place", ["cifar-10-batches-py", "batches", "cifar-10-python"])
def test_cifar10_in_a_folder_that_is_named_itself(
    tmp_path: Path, monkeypatch: Any, place: str
) -> None:
    make_cifar(tmp_path / "usual", monkeypatch)
    expected = torchvision_sets.pixels("cifar10", tmp_path / "usual", train=True)
    inside = "cifar-10-python/cifar-10-batches-py" if place == "cifar-10-python" else place
    (tmp_path / inside).parent.mkdir(exist_ok=True)
    (tmp_path / "usual/cifar-10-batches-py").rename(tmp_path / inside)
    given = tmp_path if place == "cifar-10-python" else tmp_path / inside
    found = torchvision_sets.pixels("cifar10", given, train=True)
    assert found.digest == expected.digest and torch.equal(found.images, expected.images)
    monkeypatch.chdir(given)
    assert torch.equal(torchvision_sets.pixels("cifar10", Path(), train=True).images, found.images)


def test_a_missing_cifar_file_is_downloaded(tmp_path: Path, monkeypatch: Any) -> None:
    make_cifar(tmp_path, monkeypatch)
    (tmp_path / "cifar-10-batches-py/data_batch_3").unlink()
    with refused(System, match="the network is unreachable"):
        load_data(TrainOptions(data="cifar10", data_dir=tmp_path))


def test_the_digest_of_cifar_is_that_of_its_files(tmp_path: Path, monkeypatch: Any) -> None:
    make_cifar(tmp_path / "a", monkeypatch)
    make_cifar(tmp_path / "b", monkeypatch)
    parts = [
        torchvision_sets.pixels("cifar10", tmp_path / place, train=part).digest
        for place in "ab"
        for part in (True, False)
    ]
    assert parts[:2] == parts[2:] and parts[0] != parts[1]
