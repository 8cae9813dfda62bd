"""Image folders and zips: the pixels that come out, and what is refused."""

import io
import shutil
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resdepth.cli.console import line
from resdepth.data import image_folder
from resdepth.data.decode import decode
from resdepth.errors import Corrupt, Missing, System
from tests.support.images import Write, contents, encoded, pixels, write_folder, write_zip


def refused(path: Path) -> str:
    with pytest.raises(Corrupt) as caught:
        image_folder.load(path, torch.float32, 2)
    assert str(path) in line(caught.value) and caught.value.remedy
    return line(caught.value)


@pytest.mark.parametrize("prefix", ["", "images/"])
def test_pixels_and_labels(tmp_path: Path, write: Write, prefix: str) -> None:
    path = write(tmp_path, contents(prefix=prefix))
    train, test = image_folder.pixels(path, 2)
    assert train.classes == ("bird", "cat") == test.classes
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1] and test.labels.tolist() == [0, 0, 1, 1]
    # The seeds of `contents` follow the sorted names: test before train.
    for part, first in ((test, 0), (train, 4)):
        for index, image in enumerate(part.images):
            wanted = pixels(first + index).transpose(2, 0, 1)
            assert np.array_equal(image.numpy(), wanted)


def test_normalised_by_the_training_set(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path, contents())
    train, test = image_folder.load(path, torch.float64, None)
    raw, raw_test = (part.images.numpy() / 255.0 for part in image_folder.pixels(path, None))
    mean, std = raw.mean((0, 2, 3)), raw.std((0, 2, 3))
    for part, values in ((train, raw), (test, raw_test)):
        wanted = (values - mean[:, None, None]) / std[:, None, None]
        np.testing.assert_allclose(part.inputs.numpy(), wanted.reshape(len(wanted), -1), atol=1e-12)


def test_grey_images_have_one_channel(tmp_path: Path, write: Write) -> None:
    train, _ = image_folder.pixels(write(tmp_path, contents(size=(4, 5))), None)
    assert train.images.shape == (6, 1, 4, 5)


def test_a_constant_channel_is_not_divided_by_zero(tmp_path: Path) -> None:
    black = encoded(np.zeros((4, 5, 3), dtype=np.uint8))
    path = write_folder(tmp_path, dict.fromkeys(contents(), black))
    assert torch.isfinite(image_folder.load(path, torch.float32, 1)[0].inputs).all()


def test_workers_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "i.zip", contents(20))
    found = []
    for workers in (1, 12):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"cache-{workers}"))
        found.append(image_folder.load(path, torch.float32, workers)[0])
    assert torch.equal(found[0].inputs, found[1].inputs)


def test_the_cache_follows_the_content(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path, contents())
    first = image_folder.load(path, torch.float32, 1)[0]
    assert torch.equal(first.inputs, image_folder.load(path, torch.float32, 1)[0].inputs)
    if path.is_dir():
        shutil.rmtree(path)
    files = contents()
    files["train/bird/0.png"] = encoded(pixels(99))
    write(tmp_path, files)
    assert not torch.equal(first.inputs, image_folder.load(path, torch.float32, 1)[0].inputs)


def test_a_damaged_cache_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = write_zip(tmp_path / "i.zip", contents())
    first = image_folder.load(path, torch.float32, 1)[0]
    (stored,) = (tmp_path / "cache").rglob("*.npz")
    stored.write_bytes(stored.read_bytes()[:-20])
    assert torch.equal(first.inputs, image_folder.load(path, torch.float32, 1)[0].inputs)


def test_no_cache_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    train, _ = image_folder.load(write_zip(tmp_path / "i.zip", contents()), torch.float32, 1)
    assert train.samples == 6


def test_what_is_not_an_image_is_passed_over(tmp_path: Path, write: Write) -> None:
    extra = {
        "train/bird/notes.txt": b"hello",
        "train/bird/._0.png": b"resource fork",
        "__MACOSX/train/bird/1.png": b"resource fork",
        "README.md": b"",
    }
    with pytest.warns(UserWarning, match="left out: 2 files that are not images"):
        train, _ = image_folder.pixels(write(tmp_path, contents() | extra), 1)
    assert len(train.labels) == 6


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_missing_part(tmp_path: Path, write: Write, part: str) -> None:
    files = {name: data for name, data in contents().items() if not name.startswith(part)}
    assert f"no images under {part}/<class>/" in refused(write(tmp_path, files))


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"no image at all"])
def test_a_corrupt_image_is_named(tmp_path: Path, write: Write, content: bytes) -> None:
    files = contents() | {"train/cat/1.png": content}
    message = refused(write(tmp_path, files))
    assert "train/cat/1.png: cannot be decoded" in message and "0x" not in message


def test_a_truncated_image_is_named(tmp_path: Path, write: Write) -> None:
    files = contents(size=(40, 40, 3))
    files["test/bird/0.png"] = files["test/bird/0.png"][:-500]
    assert "test/bird/0.png: cannot be decoded" in refused(write(tmp_path, files))


def test_mixed_sizes_are_named(tmp_path: Path, write: Write) -> None:
    files = contents() | {"train/cat/2.png": encoded(pixels(0, (6, 5, 3)))}
    assert "train/cat/2.png: 6x5 pixels, not 4x5" in refused(write(tmp_path, files))


def test_parts_of_different_sizes(tmp_path: Path) -> None:
    files = contents(test=0) | contents(train=0, size=(8, 8, 3))
    assert "training and test images differ" in refused(write_folder(tmp_path, files))


def test_colour_among_grey_is_named(tmp_path: Path) -> None:
    files = contents(size=(4, 5)) | {"train/cat/2.png": encoded(pixels(0))}
    with pytest.warns(UserWarning, match=r"train/cat/2\.png is in colour, though 9 of 10"):
        train, _ = image_folder.pixels(write_folder(tmp_path, files), 1)
    assert train.images.shape == (6, 3, 4, 5)
    assert np.array_equal(train.images[5].numpy(), pixels(0).transpose(2, 0, 1))
    # Grey in colour is the same value three times.
    assert (train.images[:5] == train.images[:5, :1]).all()


def encoded_image(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "tiff" if image.mode == "CMYK" else "png")
    return stream.getvalue()


def converted(mode: str, seed: int) -> bytes:
    """A grey image of `seed`, stored in another mode."""
    return encoded_image(Image.fromarray(pixels(seed, (4, 5))).convert(mode))


@pytest.mark.parametrize("mode", ["LA", "P", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("first", [True, False], ids=["grey first", "grey last"])
def test_grey_images_of_several_kinds_are_one_grey_set(
    tmp_path: Path, mode: str, first: bool
) -> None:
    names = sorted(contents())
    kept = {name for name in names if name.endswith("/0.png") == first}
    files = {
        name: encoded(pixels(i, (4, 5))) if name in kept else converted(mode, i)
        for i, name in enumerate(names)
    }
    if mode == "CMYK":
        files = {name.replace("png", "tiff"): data for name, data in files.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train, test = image_folder.pixels(write_folder(tmp_path, files), 1)
    assert train.images.shape == (6, 1, 4, 5)
    for index, image in enumerate([*test.images, *train.images]):
        assert np.array_equal(image[0].numpy(), pixels(index, (4, 5)))


@pytest.mark.parametrize("name", ["train/bird/0.png", "train/cat/2.png", "test/cat/1.png"])
def test_one_image_in_colour_makes_the_set_rgb(tmp_path: Path, write: Write, name: str) -> None:
    files = contents(size=(4, 5)) | {name: encoded(pixels(0))}
    with pytest.warns(UserWarning, match=f"read as RGB: {name} is in colour"):
        train, test = image_folder.pixels(write(tmp_path, files), 2)
    assert train.images.shape[1] == test.images.shape[1] == 3


def test_grey_stored_as_rgb_throughout_has_three_channels(tmp_path: Path) -> None:
    files = {name: converted("RGB", 0) for name in contents()}
    assert image_folder.pixels(write_folder(tmp_path, files), 1)[0].images.shape[1] == 3


def test_dark_sixteen_bits_are_pointed_out(tmp_path: Path, write: Write) -> None:
    files = dict.fromkeys(contents(), encoded(np.full((4, 5), 4095, np.uint16)))
    with pytest.warns(UserWarning) as said:
        train, _ = image_folder.pixels(write(tmp_path, files), 1)
    assert (train.images == round(4095 / 257)).all()
    assert "10 images: 16-bit grey, scaled to 8 bits (first: train/bird/0.png)" in str(said[0])
    assert "use 16 of 256 levels" in str(said[1].message)


def test_float_images_are_refused_by_name(tmp_path: Path, write: Write) -> None:
    content = encoded(np.ones((4, 5), np.float32), "tiff")
    message = refused(write(tmp_path, contents() | {"train/cat/9.tif": content}))
    assert "train/cat/9.tif: cannot be decoded (floating-point pixels have no known" in message


def test_old_caches_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_folder(tmp_path / "images", contents())
    image_folder.pixels(path, 1)
    monkeypatch.setattr("resdepth.data.image_folder.RULES", 0)
    decoded: list[str] = []
    monkeypatch.setattr(image_folder, "decode", lambda data: decoded.append("") or decode(data))
    image_folder.pixels(path, 1)
    assert decoded


@pytest.mark.parametrize("keep", [0, 10, 500, -1])
def test_a_truncated_zip(tmp_path: Path, keep: int) -> None:
    path = write_zip(tmp_path / "i.zip", contents(size=(20, 20, 3)))
    path.write_bytes(path.read_bytes()[:keep])
    assert "not a whole .zip archive" in refused(path)


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (encoded(pixels(0)), "it is a PNG image"),
        (b"<!DOCTYPE html>\n<p>404", "it is an HTML page, probably from a failed download"),
        (b"\x1f\x8b\x08" + bytes(40), "it is a gzip file"),
        (b"a, b\n1, 2\n", "it is text that begins with 'a, b'"),
        (b"", "it is an empty file"),
    ],
)
def test_a_file_of_another_kind_is_called_what_it_is(
    tmp_path: Path, content: bytes, seen: str
) -> None:
    path = tmp_path / "images.zip"
    path.write_bytes(content)
    assert seen in refused(path)


def test_a_file_that_the_system_does_not_give_is_no_broken_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_zip(tmp_path / "i.zip", contents())

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("resdepth.data.layout.zipfile.ZipFile", refuse)
    with pytest.raises(System, match=r"i\.zip: cannot be read: Permission denied"):
        image_folder.pixels(path, 1)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_damaged_in_the_middle(tmp_path: Path, method: int) -> None:
    path = write_zip(tmp_path / "i.zip", contents(size=(20, 20, 3)), method)
    content = bytearray(path.read_bytes())
    content[300:400] = b"\xaa" * 100
    path.write_bytes(content)
    assert "cannot be decoded" in refused(path)


def test_an_encrypted_zip(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "i.zip", contents())
    content = path.read_bytes()
    # The flag of encryption, in every local header and in the directory.
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        parts = content.split(signature)
        parts[1:] = [p[: offset - 4] + b"\x01" + p[offset - 3 :] for p in parts[1:]]
        content = signature.join(parts)
    path.write_bytes(content)
    assert "cannot be decoded" in refused(path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"no such image folder or \.zip"):
        image_folder.load(tmp_path / "x", torch.float32, 1)


@pytest.mark.long
def test_cifar10_as_images(shared_data: Path) -> None:
    path = shared_data / "cifar10-jpeg.zip"
    if not path.is_file():
        pytest.skip("no cifar10-jpeg.zip")
    train, test = image_folder.pixels(path, None)
    assert train.images.shape == (50000, 3, 32, 32) and test.images.shape == (10000, 3, 32, 32)
    assert torch.bincount(train.labels).tolist() == [5000] * 10
    assert train.classes[0] == "airplane" and len(train.classes) == 10
    # The published statistics, up to JPEG.
    mean, _ = image_folder.statistics(train)
    assert mean == pytest.approx((0.4914, 0.4822, 0.4465), abs=2e-3)
