"""Quantised weights: float8 is multiplied by its scales, integers are named for their format."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from math import prod

import numpy as np

from resdepth.weights.tensor import Array, Stored, Tensors

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
