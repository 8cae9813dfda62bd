"""Number and memory formats of convolutions, and which one is fastest on a processor.

The instruction set does not decide it: on one processor with AMX bfloat16 in channels last took 0.8
times as long as in torch's own order, on another several times as long.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from resdepth.engine.classifier import Descent

ROUNDS = 3
"""Steps timed in each format, in turn; the minimum counts."""
MARGIN = 1.15
"""Speed-up needed to leave the expected format, so that equal runs give equal bits."""


@dataclass(frozen=True)
class Format:
    """bfloat16 or float32, images channels last or in torch's own order."""

    bf16: bool
    channels_last: bool

    def __str__(self) -> str:
        return f"{'bfloat16' if self.bf16 else 'float32'}{' channels last' * self.channels_last}"

    @classmethod
    def named_in(cls, engine: str) -> "Format | None":
        """The format in the `engine` of a manifest; None if it is empty."""
        return cls("bfloat16" in engine, "channels last" in engine) if engine else None

    @property
    def memory(self) -> torch.memory_format:
        """The order of the numbers of an image."""
        return torch.channels_last if self.channels_last else torch.contiguous_format


def candidates(
    device: torch.device,
    amp: Literal["auto", "off", "bf16"] = "auto",
    layout: Literal["auto", "channels-last", "contiguous"] = "auto",
) -> list[Format]:
    """The formats that the options allow, the expected one first; several only on a CPU."""
    fast = bf16_is_fast(device)
    kinds = [fast, False] if fast and amp == "auto" else [amp == "bf16"]
    last = image_format(device) == torch.channels_last
    orders = [last, not last] if layout == "auto" else [layout == "channels-last"]
    found = [Format(kind, order) for kind in kinds for order in orders]
    return found if device.type == "cpu" else found[:1]


def step_times(
    descent: Descent, formats: Sequence[Format], images: Tensor, labels: Tensor, threads: int
) -> dict[Format, float]:
    """Seconds per gradient in each format, with so many threads of torch.

    The number of threads and the descent's state are restored, except for its format.
    """
    usual = torch.get_num_threads()
    before = {name: tensor.clone() for name, tensor in descent.state().items()}
    times = dict.fromkeys(formats, float("inf"))
    torch.set_num_threads(threads)
    try:
        for turn in range(1 + ROUNDS):
            for format in formats:
                descent.bf16 = format.bf16
                laid_out = images.contiguous(memory_format=format.memory)
                began = time.perf_counter()
                descent.gradient(laid_out, labels)
                if turn:
                    times[format] = min(times[format], time.perf_counter() - began)
    finally:
        torch.set_num_threads(usual)
        descent.restore(before)
    return times


def fastest(times: dict[Format, float]) -> Format:
    """The first format, unless another is faster by `MARGIN`."""
    expected = next(iter(times))
    best = min(times, key=lambda format: times[format])
    return best if MARGIN * times[best] < times[expected] else expected


def bf16_is_fast(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # AMX, or the dot product of AVX-512; otherwise bfloat16 is emulated.
    return device.type == "cpu" and _cpu_has("avx512_bf16", "amx_bf16")


def image_format(device: torch.device) -> torch.memory_format:
    """The memory format in which these narrow networks train fastest.

    Channels last on CUDA and on x86 CPUs (1.2 times as fast in float32 with AVX-512 and AVX2, 1.4
    times on Zen 4) except one with AMX, where it was several times slower.
    """
    x86 = device.type == "cpu" and _cpu_has("avx2") and not _cpu_has("amx_tile")
    return torch.channels_last if device.type == "cuda" or x86 else torch.contiguous_format


def _cpu_has(*features: str) -> bool:
    # Absent before torch 2.9.
    known: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(known.get(feature) for feature in features)
