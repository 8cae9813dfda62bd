"""Which images belong to which class: links, nesting, foreign names; what is said of the rest."""

import os
import shutil
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from resdepth.cli.console import line
from resdepth.data import image_folder
from resdepth.data.dataset import Pixels
from resdepth.errors import Corrupt
from tests.support.images import Write, contents, encoded, pixels, write_folder, write_zip

ONE = encoded(pixels(0))


def loaded(path: Path) -> tuple[Pixels, Pixels, list[str]]:
    """Both parts, and what was said."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train, test = image_folder.pixels(path, 2)
    said = [str(warning.message) for warning in caught]
    assert all(str(path) in text and "\n" not in text for text in said)
    return train, test, said


def refused(path: Path) -> str:
    with pytest.raises(Corrupt) as caught:
        image_folder.pixels(path, 2)
    assert str(path) in line(caught.value) and caught.value.remedy
    return line(caught.value)


def same(one: Pixels, other: Pixels) -> bool:
    equal = torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)
    return equal and one.classes == other.classes and one.digest == other.digest


def test_nothing_is_said_of_what_is_as_it_should_be(tmp_path: Path, write: Write) -> None:
    assert loaded(write(tmp_path, contents()))[2] == []


def test_linked_classes_and_parts_are_entered(tmp_path: Path) -> None:
    plain = write_folder(tmp_path / "plain", contents())
    store = write_folder(tmp_path / "store", contents())
    linked = tmp_path / "linked"
    (linked / "train").mkdir(parents=True)
    (linked / "train/bird").symlink_to(store / "train/bird")
    (linked / "train/cat").mkdir()
    for image in (store / "train/cat").iterdir():
        (linked / "train/cat" / image.name).symlink_to(image)
    (linked / "test").symlink_to(store / "test")
    for one, other in zip(loaded(plain)[:2], loaded(linked)[:2], strict=True):
        assert same(one, other)


def test_a_link_to_the_folder_above_ends(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "images", contents())
    (path / "train/cat/again").symlink_to(path)
    assert len(loaded(path)[0].labels) == 6


def test_an_image_whose_link_leads_nowhere_is_named(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "images", contents())
    (path / "train/cat/9.png").symlink_to(tmp_path / "gone.png")
    train, _, said = loaded(path)
    assert len(train.labels) == 6
    assert len(said) == 1 and "train/cat/9.png" in said[0] and "left out" in said[0]


def test_images_below_a_class_folder_are_of_that_class(tmp_path: Path, write: Write) -> None:
    extra = {"train/cat/2024/may/1.png": ONE, "test/bird/deep/1.png": ONE}
    train, test, said = loaded(write(tmp_path, contents() | extra))
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert test.labels.tolist() == [0, 0, 0, 1, 1] and not said


def test_a_class_may_be_called_like_a_part(tmp_path: Path, write: Write) -> None:
    names = [f"{part}/{label}/1.png" for part in ("train", "test") for label in ("test", "train")]
    train, test, _ = loaded(write(tmp_path, dict.fromkeys(names, ONE)))
    assert train.classes == ("test", "train") and len(train.labels) == len(test.labels) == 2


@pytest.mark.parametrize("prefix", ["train/", "test/", "set/images/"])
def test_the_parts_may_lie_in_further_folders(tmp_path: Path, write: Write, prefix: str) -> None:
    train, test, said = loaded(write(tmp_path, contents(prefix=prefix)))
    assert train.classes == ("bird", "cat") and len(train.labels) == 6 and len(test.labels) == 4
    assert not said


def test_the_parts_may_lie_apart(tmp_path: Path, write: Write) -> None:
    files = contents(test=0, prefix="one/") | contents(train=0, prefix="two/")
    train, test, _ = loaded(write(tmp_path, files))
    assert len(train.labels) == 6 and len(test.labels) == 4


def test_two_data_sets_in_one_are_not_mixed(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path, contents(prefix="old/") | contents(prefix="new/"))
    assert "more than one data set: 'new/', 'old/'" in refused(path)


def test_names_of_windows_in_a_zip(tmp_path: Path) -> None:
    plain = write_zip(tmp_path / "plain.zip", contents())
    with zipfile.ZipFile(tmp_path / "windows.zip", "w") as archive:
        for name, content in contents().items():
            entry = zipfile.ZipInfo()
            entry.filename = name.replace("/", "\\")
            archive.writestr(entry, content)
    for one, other in zip(loaded(plain)[:2], loaded(tmp_path / "windows.zip")[:2], strict=True):
        assert same(one, other)


def test_an_image_that_a_zip_holds_twice_counts_once(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "i.zip", contents())
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("train/cat/0.png", encoded(pixels(77)))
    train, _, said = loaded(path)
    assert len(train.labels) == 6
    assert np.array_equal(train.images[3].numpy(), pixels(77).transpose(2, 0, 1))
    assert "listed twice" in said[0] and "train/cat/0.png" in said[0]


@pytest.mark.parametrize("suffix", ["PNG", "Png"])
def test_suffixes_in_capitals(tmp_path: Path, write: Write, suffix: str) -> None:
    files = {name.replace("png", suffix): data for name, data in contents().items()}
    assert len(loaded(write(tmp_path, files))[0].labels) == 6


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("train/cat/notes.txt", "1 files that are not images (first: train/cat/notes.txt)"),
        ("train/cat/1.npy", "1 files that are not images (first: train/cat/1.npy)"),
        ("train/cat/.DS_Store", "1 hidden files or folders (first: train/cat/.DS_Store)"),
        ("train/.dog/1.png", "1 hidden files or folders (first: train/.dog)"),
        ("__MACOSX/train/cat/1.png", "1 hidden files or folders (first: __MACOSX)"),
        ("extra/cat/1.png", "1 images in neither train/ nor test/ (first: extra/cat/1.png)"),
        ("train/1.png", "1 images outside class folders (first: train/1.png)"),
    ],
)
def test_what_is_left_out_is_said(tmp_path: Path, write: Write, name: str, what: str) -> None:
    train, _, said = loaded(write(tmp_path, contents() | {name: ONE}))
    assert len(train.labels) == 6 and len(said) == 1
    assert f"left out: {what}" in said[0]


def test_what_is_said_is_said_again_from_the_cache(tmp_path: Path, write: Write) -> None:
    files = contents(size=(4, 5)) | {"train/cat/2.png": ONE, "train/cat/notes.txt": b""}
    path = write(tmp_path, files)
    first, second = loaded(path), loaded(path)
    assert first[2] == second[2] and len(first[2]) == 2 and same(first[0], second[0])


def test_a_class_that_only_the_test_part_has(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path, contents() | {"test/dog/1.png": ONE})
    assert "test/ has classes that train/ lacks: 'dog'" in refused(path)


def test_a_class_that_only_the_training_part_has(tmp_path: Path, write: Write) -> None:
    train, _, said = loaded(write(tmp_path, contents() | {"train/dog/1.png": ONE}))
    assert train.classes == ("bird", "cat", "dog")
    assert len(said) == 1 and "test/ has no image of the classes 'dog'" in said[0]


def test_a_level_too_many_is_one_class(tmp_path: Path, write: Write) -> None:
    files = {name.replace("/", "/images/", 1): data for name, data in contents().items()}
    with pytest.raises(Corrupt, match="train/ has only one class, 'images'") as caught:
        image_folder.pixels(write(tmp_path, files), 2)
    hint = "if the classes are 'bird', 'cat', move these folders from train/images/ to train/"
    assert caught.value.remedy.startswith(hint)


@pytest.mark.parametrize(
    ("moved", "extra"),
    [
        # Labels of bounding boxes lie beside the images.
        (
            {"bird": "images", "cat": "images"},
            {"train/labels/1.txt": b"", "test/labels/1.txt": b""},
        ),
        ({"bird": "all/bird", "cat": "all/cat"}, {"test/cat/1.png": ONE, "test/bird/1.png": ONE}),
        ({"bird": "cat"}, {}),
    ],
    ids=["labels", "in train alone", "all of one kind"],
)
def test_one_class_is_refused_whatever_else_is_there(
    tmp_path: Path, write: Write, moved: dict[str, str], extra: dict[str, bytes]
) -> None:
    files = dict(extra)
    for name, data in contents().items():
        part, label, rest = name.split("/")
        files[f"{part}/{moved.get(label, label)}/{label}{rest}"] = data
    path = write(tmp_path, files)
    with pytest.raises(Corrupt, match="train/ has only one class,") as caught:
        image_folder.pixels(path, 2)
    assert ("move these folders" in caught.value.remedy) == ("all/bird" in moved.values())


def test_an_empty_class_folder_is_named(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "images", contents())
    (path / "train/dog").mkdir()
    said = loaded(path)[2]
    assert len(said) == 1 and "class folders without an image: 'train/dog'" in said[0]


def test_an_empty_class_folder_in_a_zip_is_named(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "i.zip", contents() | {"train/dog/": b""})
    assert "class folders without an image: 'train/dog'" in loaded(path)[2][0]


def test_classes_that_differ_in_case_alone(tmp_path: Path, write: Write) -> None:
    extra = {"train/Cat/1.png": ONE, "test/Cat/1.png": ONE}
    train, _, said = loaded(write(tmp_path, contents() | extra))
    assert train.classes == ("Cat", "bird", "cat")
    assert len(said) == 1 and "only in upper and lower case: 'Cat', 'cat'" in said[0]


def test_a_class_is_one_however_its_accents_are_composed(tmp_path: Path, write: Write) -> None:
    composed, apart = "caf\u00e9", "cafe\u0301"
    files = contents() | {f"train/{composed}/1.png": ONE, f"test/{apart}/1.png": ONE}
    train, test, said = loaded(write(tmp_path, files))
    assert train.classes == ("bird", composed, "cat")
    assert test.labels.tolist() == [0, 0, 1, 2, 2] and not said


@pytest.mark.parametrize(
    ("renamed", "found"),
    [
        ({"train": "Train"}, "no images under train/<class>/; there is 'Train/', 'test/'"),
        ({"train": "training"}, "no images under train/<class>/; there is 'test/', 'training/'"),
        ({"test": "val"}, "no images under test/<class>/; there is 'train/', 'val/'"),
        ({"train": "a", "test": "b"}, "no images under train/<class>/; there is 'a/', 'b/'"),
    ],
)
def test_parts_of_other_names_are_named(
    tmp_path: Path, write: Write, renamed: dict[str, str], found: str
) -> None:
    files = {}
    for name, data in contents().items():
        part, rest = name.split("/", 1)
        files[f"{renamed.get(part, part)}/{rest}"] = data
    assert found in refused(write(tmp_path, files))


def test_images_without_classes_are_counted(tmp_path: Path, write: Write) -> None:
    names = ["train/1.png", "train/2.png", "test/1.png"]
    message = refused(write(tmp_path, dict.fromkeys(names, ONE)))
    assert "no images under train/<class>/, but 3 in no class folder" in message


def test_classes_of_other_files_are_counted(tmp_path: Path, write: Write) -> None:
    files = {name.replace(".png", ".npy"): data for name, data in contents().items()}
    message = refused(write(tmp_path, files))
    assert "no images under train/<class>/, but 6 files of other kinds" in message


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "images", contents())
    shutil.move(os.fsencode(path / "train/cat"), os.fsencode(path / "train") + b"/c\xe9")
    shutil.move(os.fsencode(path / "test/cat"), os.fsencode(path / "test") + b"/c\xe9")
    first, second = loaded(path)[0], loaded(path)[0]
    assert first.classes == ("bird", "c\udce9") and same(first, second)


def test_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_folder(tmp_path / "images", contents()))
    assert len(loaded(Path())[0].labels) == 6
