"""Formats of convolutions: which are tried, which is taken, and that trying leaves no trace."""

import pytest
import torch

from resdepth.engine import formats
from resdepth.engine.classifier import Descent
from resdepth.engine.formats import Format, candidates, fastest, step_times
from resdepth.engine.resnet import ResNet, initialise
from resdepth.mathematics.random import stream

PLAIN, LAST = Format(False, False), Format(False, True)
HALF, HALF_LAST = Format(True, False), Format(True, True)


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch):
    """A CPU with and without instructions for bfloat16, and its usual order."""

    def made(*, bf16: bool, last: bool) -> torch.device:
        order = torch.channels_last if last else torch.contiguous_format
        monkeypatch.setattr(formats, "bf16_is_fast", lambda device: bf16)
        monkeypatch.setattr(formats, "image_format", lambda device: order)
        return torch.device("cpu")

    return made


@pytest.mark.parametrize(
    ("bf16", "last", "amp", "layout", "expected"),
    [
        (True, False, "auto", "auto", [HALF, HALF_LAST, PLAIN, LAST]),
        (True, True, "auto", "auto", [HALF_LAST, HALF, LAST, PLAIN]),
        (False, True, "auto", "auto", [LAST, PLAIN]),
        (False, True, "bf16", "auto", [HALF_LAST, HALF]),
        (True, True, "off", "auto", [LAST, PLAIN]),
        (True, True, "auto", "contiguous", [HALF, PLAIN]),
        (True, True, "off", "channels-last", [LAST]),
    ],
)
def test_what_is_tried(processor, bf16, last, amp, layout, expected) -> None:
    assert candidates(processor(bf16=bf16, last=last), amp, layout) == expected


def test_another_device_has_one_format(processor) -> None:
    processor(bf16=True, last=True)
    assert candidates(torch.device("cuda")) == [HALF_LAST]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [((1.0, 0.5), PLAIN), ((1.0, 0.9), LAST), ((1.0, 2.0), LAST), ((1.15, 1.0), LAST)],
)
def test_another_has_to_be_faster_by_a_margin(seconds, expected) -> None:
    assert fastest(dict(zip((LAST, PLAIN), seconds, strict=True))) == expected


@pytest.mark.parametrize("format", [PLAIN, LAST, HALF, HALF_LAST])
def test_a_format_is_found_again_by_its_name(format: Format) -> None:
    assert Format.named_in(f"torch {format} graph") == format


def test_no_engine_names_no_format() -> None:
    assert Format.named_in("") is None


def test_trying_leaves_the_state_as_it_was() -> None:
    network = ResNet(8, 0.75, 10, 3)
    initialise(network, stream(0, "kernels"))
    descent = Descent(network, 0.9, 0.0, bf16=False)
    before = {name: tensor.clone() for name, tensor in descent.state().items()}
    images, labels = torch.randn(4, 3, 8, 8), torch.arange(4)
    threads, used, real = torch.get_num_threads(), [], descent.gradient

    def gradient(*batch):
        used.append(torch.get_num_threads())
        return real(*batch)

    descent.gradient = gradient
    times = step_times(descent, [PLAIN, LAST], images, labels, threads + 1)
    assert set(used) == {threads + 1} and torch.get_num_threads() == threads
    assert list(times) == [PLAIN, LAST] and all(0 < t < float("inf") for t in times.values())
    assert all(torch.equal(tensor, before[name]) for name, tensor in descent.state().items())
