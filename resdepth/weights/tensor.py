"""One tensor of a file, whose numbers are read on request; float8 is multiplied by its scales."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resdepth.contents import UNREADABLE
from resdepth.errors import Corrupt

Array = NDArray[np.float64]
Numbers = Callable[[int, int], Array]
"""Reads the numbers start to stop - 1 of a tensor, row by row, in float64."""
CHUNK = 1 << 21  # Numbers that are converted to float64 at once.
FLOAT8, SCALED, QUANTISED = "float8", " with scales", "quantised "
BLOCK = 128  # Rows and columns of a block that shares one scale, in most models.
_SCALES = ("{name}_scale_inv", "{name}_scale", "{module}.scale_weight", "{module}.scale")
"""Names of the scale of tensor `name` in a module. All of them multiply."""
_INTEGERS: dict[str, tuple[tuple[str, ...], str]] = {
    "packed by GPTQ or AWQ": (("{module}.scales", "{module}.qzeros", "{module}.g_idx"), "qweight"),
    "of bitsandbytes, 8 bits": (("{module}.SCB",), ""),
    "of bitsandbytes, 4 bits": (("{name}.absmax", "{name}.quant_map"), ""),
    "packed by compressed-tensors": (("{module}.weight_scale",), "weight_packed"),
    "with a scale next to them": (_SCALES, ""),
}
"""For each format: names of tensors beside one of integers, and how its own name ends."""
AGAIN = "copy or download it again"


@dataclass(frozen=True)
class Stored:
    """A tensor `name` of `shape` in `file`; `dtype` describes how its numbers are stored.

    `numbers` is None if they are not real numbers (integers, complex, packed). `copy` is the entry
    of the file that holds the tensor, if it repeats the names of another entry.
    """

    name: str
    file: Path
    shape: tuple[int, ...]
    dtype: str
    numbers: Numbers | None
    copy: str = ""

    @property
    def size(self) -> int:
        return prod(self.shape)

    def read(self, start: int, stop: int) -> Array:
        """The numbers start to stop - 1, exact in float64; Corrupt if one is lost or infinite."""
        if self.numbers is None:
            reason = f"{self.name} holds {self.dtype}, not real numbers"
            raise Corrupt(self.file, reason, "convert it to floats first")
        try:
            found = self.numbers(start, stop)
        except UNREADABLE as error:  # The file no longer holds what its header says.
            raise Corrupt(self.file, f"{self.name}: {error}", AGAIN) from None
        if not np.isfinite(found).all():
            place = int(np.flatnonzero(~np.isfinite(found))[0])
            index = ", ".join(str(i) for i in np.unravel_index(start + place, self.shape))
            reason = f"{self.name}, entry ({index}) is {found[place]}"
            raise Corrupt(self.file, reason, "leave these weights out")
        return found

    def chunks(self) -> Iterator[Array]:
        """All numbers, a chunk at a time."""
        for start in range(0, self.size, CHUNK):
            yield self.read(start, min(start + CHUNK, self.size))

    def whole(self) -> Array:
        """All numbers in its shape; at most one chunk is held in addition."""
        found = np.empty(self.size)
        for start, chunk in zip(range(0, self.size, CHUNK), self.chunks(), strict=True):
            found[start : start + len(chunk)] = chunk
        return found.reshape(self.shape)


Tensors = dict[str, Stored]  # The tensors of a file by name.


def shown(shape: Sequence[int]) -> str:
    """A shape in words, as in 3 x 4."""
    return " x ".join(map(str, shape)) or "a single number"


def with_scales(tensors: Mapping[str, Stored]) -> Tensors:
    """`tensors`, with float8 ones multiplied by their scales, which are then left out.

    A scale is one number, one per row, or one per block. Products are exact in float64. If a scale
    does not fit, or integers have scales, the tensor has no numbers and its `dtype` says why.
    """
    found: Tensors = {}
    used: set[str] = set()
    for name, stored in tensors.items():
        found[name] = stored
        if stored.dtype.startswith(FLOAT8):
            if scales := _present(_SCALES, name, tensors)[:1]:
                found[name] = _scaled(stored, tensors[scales[0]])
                used.update(scales)
        elif stored.numbers is None:
            for kind, (templates, ending) in _INTEGERS.items():
                beside = _present(templates, name, tensors)
                if beside and name.endswith(ending):
                    found[name] = replace(stored, dtype=f"{QUANTISED}{stored.dtype}, {kind}")
                    used.update(beside)
                    break
    return {name: stored for name, stored in found.items() if name not in used}


def _present(templates: tuple[str, ...], name: str, tensors: Mapping[str, Stored]) -> list[str]:
    module = name.rpartition(".")[0]
    names = [template.format(name=name, module=module) for template in templates]
    return [one for one in names if one in tensors]


def _scaled(stored: Stored, scale: Stored) -> Stored:
    shape, numbers = stored.shape or (1,), stored.numbers
    sizes = _blocks(shape, scale.shape)
    if sizes is None or scale.numbers is None or numbers is None:
        of = f"{scale.dtype}, {' x '.join(map(str, scale.shape))}"
        word = f"{QUANTISED}{stored.dtype}, whose scale ({of}) does not fit"
        return replace(stored, dtype=word, numbers=None)

    @cache
    def scales() -> Array:
        counts = [-(-length // size) for length, size in zip(shape, sizes, strict=True)]
        return scale.whole().reshape(counts)

    def product(start: int, stop: int) -> Array:
        places = np.unravel_index(np.arange(start, stop), shape)
        blocks = tuple(place // size for place, size in zip(places, sizes, strict=True))
        return numbers(start, stop) * scales()[blocks]

    return replace(stored, dtype=stored.dtype + SCALED, numbers=product)


def _blocks(shape: tuple[int, ...], scales: tuple[int, ...]) -> tuple[int, ...] | None:
    """How many entries share a scale along each axis; None if the shapes do not fit."""
    if prod(scales) == 1:
        scales = (1,) * len(shape)
    elif len(scales) == 1 < len(shape) and scales[0] == shape[0]:
        # One per row; one per column would need another shape.
        scales = scales + (1,) * (len(shape) - 1)
    if len(scales) != len(shape):
        return None
    sizes = []
    for length, count in zip(shape, scales, strict=True):
        if count == 1:
            sizes.append(max(length, 1))
        elif count == -(-length // BLOCK):
            sizes.append(BLOCK)
        else:
            sizes.append(0 if not count or length % count else length // count)
    return None if 0 in sizes else tuple(sizes)
