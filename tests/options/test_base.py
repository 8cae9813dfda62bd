"""Options are described once: bounds, help, flags and choices follow from the models."""

import pytest
from pydantic import ValidationError

from resdepth.data.torchvision_sets import STATISTICS
from resdepth.engine.kernels.registry import ENGINES
from resdepth.engine.optimiser import ACTIVATION_CONSTANTS, DEFAULT_CONSTANT
from resdepth.errors import OptionInvalid
from resdepth.mathematics.activation import ACTIVATIONS
from resdepth.mathematics.initialise import INITIALISATIONS
from resdepth.options.export import ExportOptions
from resdepth.options.fields import choices, flags, help_text, span
from resdepth.options.train import TrainInvocation, TrainOptions
from resdepth.runs.export import FORMATS
from tests.support.networks import AUGMENTATIONS

FIELDS = TrainOptions.model_fields


@pytest.mark.parametrize(
    ("field", "known"),
    [
        ("activation", set(ACTIVATIONS)),
        ("init", set(INITIALISATIONS)),
        ("augmentation", set(AUGMENTATIONS)),
        ("engine", {"auto", *ENGINES}),
        ("data", {"digits", "folder", "sin", "constant", *STATISTICS}),
    ],
)
def test_choices_are_those_that_exist(field: str, known: set[str]) -> None:
    assert set(choices(FIELDS[field])) == known


def test_formats_are_those_that_exist() -> None:
    assert choices(ExportOptions.model_fields["format"]) == FORMATS


def test_the_old_device_is_taken_but_not_shown() -> None:
    assert choices(FIELDS["device"]) == ("auto", "cpu", "cuda", "mps")
    assert TrainOptions(device="gpu").device == "gpu"


def test_no_flag_is_used_twice() -> None:
    spelled = [
        flag
        for model in (TrainOptions, TrainInvocation)
        for name, info in model.model_fields.items()
        for flag in flags(name, info)
    ]
    assert len(spelled) == len(set(spelled))


@pytest.mark.parametrize("name", FIELDS)
def test_help_says_range_and_default(name: str) -> None:
    info = FIELDS[name]
    text = help_text(info)
    assert info.description and text.startswith(info.description)
    assert span(info) in text
    if isinstance(info.default, (int, float, str)) and not isinstance(info.default, bool):
        assert f"default {info.default}" in text
    elif info.default is True:
        assert "default yes" in text


def test_help_of_the_rate_constant_is_true() -> None:
    assert (ACTIVATION_CONSTANTS, DEFAULT_CONSTANT) == ({"relu": 10.0}, 2.0)
    assert "10 for relu, else 2" in help_text(FIELDS["lr_constant"])


def test_options_are_frozen_and_closed() -> None:
    options = TrainOptions()
    with pytest.raises(ValidationError):
        options.depth = 3  # type: ignore[misc]
    with pytest.raises(OptionInvalid, match=r"^colour: no such option"):
        TrainOptions(colour="red")  # type: ignore[call-arg]


def test_the_defaults_of_the_design() -> None:
    options = TrainOptions()
    assert (options.depth, options.width, options.alpha, options.gamma) == (64, 15, 0.75, 1.0)
    assert (options.init, options.data, options.batch_size) == ("ntrunc", "digits", None)
    assert (options.dtype, options.activation, options.augmentation) == ("float32", "tanh", "skip")
    assert options.store_grad and options.loss_p == 2.0 and options.beta == 0.25
    assert options.stem == "digits-L64-seed0"
