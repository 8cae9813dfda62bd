"""The fingerprint follows the data and nothing else."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from resdepth.data import image_folder
from resdepth.data.dataset import BLOCK, Dataset, digest, fingerprint
from resdepth.data.load import load_data, load_images
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.train import TrainOptions
from tests.support.images import contents, encoded, pixels, write_folder, write_zip


def of(**settings: object) -> str:
    return fingerprint(*load_data(TrainOptions(**settings)))


@pytest.mark.parametrize(
    "settings",
    [{"dtype": "float64"}, {"train_fraction": 0.1}, {"seed": 3}, {"depth": 3}],
    ids=str,
)
def test_options_do_not_change_it(settings: dict[str, object]) -> None:
    assert of(**settings) == of()


@pytest.mark.parametrize("settings", [{"seed": 3}, {"num_samples": 9}, {"separation": 0.0}])
def test_other_points_of_a_function_do(settings: dict[str, object]) -> None:
    others = {name: value for name, value in settings.items() if name != "separation"}
    assert len({of(data="sin", **settings), of(data="sin"), of(data="constant", **others)}) == 3
    assert of(data="sin", dtype="float64", **settings) == of(data="sin", **settings)


def test_it_does_not_depend_on_the_place(tmp_path: Path) -> None:
    here = write_folder(tmp_path / "here", contents())
    shutil.copytree(here, tmp_path / "there")
    archive = write_zip(tmp_path / "i.zip", contents())
    places = (here, tmp_path / "there", archive, archive)
    found = {of(data="folder", data_dir=path) for path in places}
    raw = {fingerprint(*image_folder.pixels(path, 1)) for path in places}
    assert len(found) == 1 and raw == found


def rewritten(change: Callable[[dict[str, bytes]], object]) -> dict[str, bytes]:
    files = contents()
    change(files)
    return files


@pytest.mark.parametrize(
    "files",
    [
        rewritten(lambda f: f.update({"train/cat/1.png": encoded(pixels(5) ^ 1)})),
        rewritten(lambda f: f.update({"test/cat/1.png": encoded(pixels(99))})),
        rewritten(lambda f: f.update({"train/bird/9.png": f.pop("train/cat/1.png")})),
        rewritten(lambda f: f.pop("test/bird/0.png")),
        {name.replace("cat", "dog"): data for name, data in contents().items()},
    ],
    ids=["a pixel", "a test image", "a label", "an image less", "a class renamed"],
)
def test_it_follows_the_data(tmp_path: Path, files: dict[str, bytes]) -> None:
    paths = (write_folder(tmp_path / "a", contents()), write_folder(tmp_path / "b", files))
    assert of(data="folder", data_dir=paths[0]) != of(data="folder", data_dir=paths[1])


def test_a_part_of_the_images_keeps_it(tmp_path: Path) -> None:
    path = write_folder(tmp_path, contents(size=(8, 8, 3)))
    found = set()
    for fraction in (1.0, 0.5, 3.0):
        options = ResnetCifarOptions(data="folder", data_dir=path, train_fraction=fraction)
        found.add(fingerprint(*load_images(options, torch.device("cpu"))))
    assert len(found) == 1


def test_data_of_ones_own_has_one_too() -> None:
    generator = torch.Generator().manual_seed(0)
    part = Dataset(torch.randn(5, 3, generator=generator), torch.arange(5))
    other = replace(part, inputs=part.inputs * 2)
    assert fingerprint(part, part) != fingerprint(part, other) != fingerprint(other, part)
    bare = tuple(replace(one, digest="") for one in load_data(TrainOptions(data="sin")))
    assert len(fingerprint(*bare)) == 64


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 1])
def test_the_last_byte_of_many_blocks_counts(size: int) -> None:
    array, labels = np.zeros(size, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    before = digest(array, labels)
    array[-1] = 1
    assert digest(array, labels) != before == digest(np.zeros(size, dtype=np.uint8), labels)
