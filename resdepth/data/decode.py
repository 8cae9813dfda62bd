"""Decode one image file to bytes of grey or RGB by fixed rules.

The orientation in EXIF data is applied, transparent pixels are laid over white, 16-bit grey is
scaled to 8 bits, and only the first of several frames is used. Float and other integer pixels are
refused, since their range is unknown. All else is converted by Pillow.
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

FLIPPED = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
"""Entries in which Pillow keeps an orientation; without them the slow search for it is skipped."""
BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262  # TIFF tags: bits of a value, and whether zero is white.

TRANSPARENT = "transparent pixels, drawn on white"
FRAMES = "more than one frame; the first one is used"
UPRIGHT = "EXIF data that cannot be read; the image is taken as upright"
SIXTEEN = "16-bit grey, scaled to 8 bits"


@dataclass(frozen=True)
class DecodedImage:
    """Pixels uint8, (H, W) if grey, else (H, W, 3); `highest` value of 16-bit pixels, else 0."""

    pixels: np.ndarray
    remarks: tuple[str, ...] = ()
    highest: int = 0

    @property
    def grey(self) -> bool:
        return self.pixels.ndim == 2


def decode(content: bytes) -> DecodedImage:
    """The image in `content`; raises what Pillow raises, and ValueError for unknown ranges."""
    image: Image.Image = Image.open(io.BytesIO(content))
    remarks = []
    # The images in an .mpo, as phones write them, are one photograph and its previews.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        remarks.append(FRAMES)
    image.load()
    if any(key in image.info for key in FLIPPED):
        try:
            ImageOps.exif_transpose(image, in_place=True)
        except Exception:  # Damaged tags make their parser raise anything.
            remarks.append(UPRIGHT)
    if image.mode == "F" or image.mode.startswith("I"):
        pixels, highest = _eight_bits(image)
        return DecodedImage(pixels, (*remarks, SIXTEEN), highest)
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        layered = image.convert("RGBA")
        lowest, _ = layered.getchannel("A").getextrema()
        if lowest != 255:
            remarks.append(TRANSPARENT)
            layered = Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered)
        image = layered.convert("RGB")
    pixels = np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))
    return DecodedImage(pixels[..., 0] if grey and pixels.ndim == 3 else pixels, tuple(remarks))


def _eight_bits(image: Image.Image) -> tuple[np.ndarray, int]:
    """16-bit grey as 8 bits (H, W), and its largest value of 65535."""
    tags = getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}
    # Pillow reads a .pgm of more than 8 bits as 32-bit integers, scaled to 16 bits.
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        kind = "floating-point" if image.mode == "F" else "32-bit or signed integer"
        raise ValueError(f"{kind} pixels have no known range: save them with 8 or 16 bits")
    top = 4095 if tags.get(BITS_PER_SAMPLE, (16,))[0] == 12 else 65535
    values = np.asarray(image).astype(np.uint32)
    if tags.get(PHOTOMETRIC) == 0:
        # Pillow inverts "white is zero" for 8 bits alone.
        values = top - values
    scaled = (values * 255 + top // 2) // top
    return scaled.astype(np.uint8), int(values.max(initial=0)) * 65535 // top
