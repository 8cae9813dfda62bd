"""One image file to grey or RGB bytes: every kind of pixel by its rule."""

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from resdepth.data.decode import FRAMES, SIXTEEN, TRANSPARENT, UPRIGHT, decode
from tests.support.images import pixels

ORIENTATION = 0x112
COLOUR, GREY = pixels(1), pixels(2, (4, 5))


def saved(image: Image.Image, format: str = "png", **settings: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **settings)
    return stream.getvalue()


def pgm(values: np.ndarray, highest: int) -> bytes:
    header = f"P5 {values.shape[1]} {values.shape[0]} {highest}\n".encode()
    return header + values.astype(">u2").tobytes()


WIDE = np.array([[0, 128, 129], [32767, 65406, 65535]], dtype=np.uint16)
"""Values beside the borders of the 8-bit levels."""


@pytest.mark.parametrize(
    "content",
    [
        saved(Image.fromarray(WIDE)),
        saved(Image.fromarray(WIDE), "tiff"),
        saved(Image.fromarray(WIDE.astype(">u2")), "tiff"),
        pgm(WIDE, 65535),
    ],
    ids=["png", "tiff", "big-endian tiff", "pgm"],
)
def test_sixteen_bits_are_scaled_to_eight(content: bytes) -> None:
    picture = decode(content)
    wanted = np.rint(WIDE / 65535 * 255)
    assert picture.grey and np.array_equal(picture.pixels, wanted)
    assert picture.remarks == (SIXTEEN,) and picture.highest == 65535


def tiff(values: np.ndarray, bits: int = 16, polarity: int = 1, signed: bool = False) -> bytes:
    """An uncompressed TIFF of one strip, written by hand, since Pillow writes fewer kinds."""
    if bits == 12:
        digits = "".join(f"{value:03x}" for value in values.ravel().tolist())
        content = bytes.fromhex(digits + "0" * (len(digits) % 2))
    else:
        content = values.astype("<u2").tobytes()
    height, width = values.shape
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, polarity)]
    tags += [(273, 8 + 2 + 10 * 12 + 4), (277, 1), (278, height), (279, len(content))]
    tags += [(339, 2 if signed else 1)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + content


def test_twelve_bits_are_scaled_by_their_own_range() -> None:
    values = np.array([[0, 8, 9, 2048], [4000, 4080, 4094, 4095]])
    picture = decode(tiff(values, 12, 1))
    assert np.array_equal(picture.pixels, np.rint(values / 4095 * 255))
    assert picture.highest == 65535


def test_white_may_be_zero() -> None:
    picture = decode(tiff(WIDE, 16, 0))
    assert np.array_equal(picture.pixels, np.rint((65535 - WIDE.astype(float)) / 65535 * 255))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (saved(Image.fromarray(np.ones((4, 5), np.float32)), "tiff"), "floating-point"),
        (saved(Image.fromarray(np.ones((4, 5), np.int32)), "tiff"), "32-bit or signed integer"),
        (tiff(WIDE, signed=True), "32-bit or signed integer"),
        (b"Pf\n2 2\n-1.0\n" + np.ones(4, "<f4").tobytes(), "floating-point"),
    ],
    ids=["float", "32 bits", "signed", "pfm"],
)
def test_pixels_of_no_known_range_are_refused(content: bytes, kind: str) -> None:
    with pytest.raises(ValueError, match=f"{kind} pixels have no known range"):
        decode(content)


UNDONE: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}
"""How a camera that wrote the orientation had stored an upright image (EXIF 2.3, 4.6.4)."""


@pytest.mark.parametrize("format", ["png", "tiff", "webp"])
@pytest.mark.parametrize("orientation", UNDONE)
def test_orientation_is_applied(orientation: int, format: str) -> None:
    image = Image.fromarray(np.ascontiguousarray(UNDONE[orientation](COLOUR)))
    tags = image.getexif()
    tags[ORIENTATION] = orientation
    settings = {"lossless": True} if format == "webp" else {}
    picture = decode(saved(image, format, exif=tags, **settings))
    assert np.array_equal(picture.pixels, COLOUR) and not picture.remarks


def test_orientation_in_a_jpeg() -> None:
    image = Image.fromarray(np.zeros((16, 8, 3), dtype=np.uint8))
    tags = image.getexif()
    tags[ORIENTATION] = 6
    assert decode(saved(image, "jpeg", exif=tags)).pixels.shape == (8, 16, 3)


def test_damaged_exif_is_upright_and_said() -> None:
    picture = decode(saved(Image.fromarray(COLOUR), exif=b"Exif\0\0MM\0*\xff\xff"))
    assert np.array_equal(picture.pixels, COLOUR) and picture.remarks == (UPRIGHT,)


def test_transparent_pixels_lie_over_white() -> None:
    alpha = np.full((4, 5), 255, dtype=np.uint8)
    alpha[0], alpha[1] = 0, 51
    content = saved(Image.fromarray(np.dstack([COLOUR, alpha])))
    share = alpha[..., None] / 255.0
    picture = decode(content)
    wanted = COLOUR * share + 255 * (1 - share)
    np.testing.assert_allclose(picture.pixels, wanted, atol=1.0)
    assert np.array_equal(picture.pixels[2:], COLOUR[2:]) and (picture.pixels[0] == 255).all()
    assert picture.remarks == (TRANSPARENT,)


def test_transparent_grey_stays_grey() -> None:
    alpha = np.full((4, 5), 255, dtype=np.uint8)
    alpha[0] = 0
    picture = decode(saved(Image.fromarray(np.dstack([GREY, alpha]), "LA")))
    assert picture.grey and np.array_equal(picture.pixels[1:], GREY[1:])
    assert (picture.pixels[0] == 255).all() and picture.remarks == (TRANSPARENT,)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_opaque_alpha_channel_says_nothing(mode: str) -> None:
    image = Image.fromarray(COLOUR if mode == "RGBA" else GREY)
    picture = decode(saved(image.convert(mode)))
    assert np.array_equal(picture.pixels, np.asarray(image)) and not picture.remarks


def test_a_palette_is_looked_up() -> None:
    image = Image.fromarray(np.array([[0, 1], [2, 1]], dtype=np.uint8), "P")
    table = [[10, 20, 30], [200, 0, 7], [255, 255, 255]]
    image.putpalette([value for colour in table for value in colour])
    wanted = np.array(table, dtype=np.uint8)[[[0, 1], [2, 1]]]
    assert np.array_equal(decode(saved(image)).pixels, wanted)
    seen_through = decode(saved(image, transparency=1))
    wanted[wanted[..., 2] == 7] = 255
    assert np.array_equal(seen_through.pixels, wanted) and seen_through.remarks == (TRANSPARENT,)


def test_one_bit_is_black_and_white() -> None:
    picture = decode(saved(Image.fromarray(GREY > 127)))
    assert picture.grey and np.array_equal(picture.pixels, np.where(GREY > 127, 255, 0))


def test_cmyk_becomes_rgb() -> None:
    image = Image.fromarray(np.dstack([COLOUR, np.zeros((4, 5), np.uint8)]), "CMYK")
    picture = decode(saved(image, "tiff"))
    assert np.array_equal(picture.pixels, 255 - COLOUR)


@pytest.mark.parametrize("format", ["gif", "png", "tiff", "webp"])
def test_the_first_of_several_frames_counts(format: str) -> None:
    frames = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (0, 255)]
    picture = decode(saved(frames[0], format, save_all=True, append_images=frames[1:]))
    assert (picture.pixels == 0).all() and FRAMES in picture.remarks


def test_a_photograph_with_a_preview_is_one_image() -> None:
    frames = [Image.fromarray(np.full((8, 8, 3), value, np.uint8)) for value in (0, 255)]
    picture = decode(saved(frames[0], "mpo", save_all=True, append_images=frames[1:]))
    assert (picture.pixels == 0).all() and not picture.remarks


@pytest.mark.parametrize("format", ["png", "jpeg", "gif", "bmp", "webp", "tiff", "ppm"])
def test_half_an_image_is_refused(format: str) -> None:
    content = saved(Image.fromarray(pixels(3, (40, 40, 3))), format)
    with pytest.raises((OSError, SyntaxError, ValueError)):
        decode(content[: len(content) // 2])
