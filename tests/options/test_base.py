"""Options are described once: bounds, help, flags and choices follow from the models."""

from typing import Any

import pytest
from pydantic import ValidationError

from resdepth.data.torchvision_sets import STATISTICS
from resdepth.engine.kernels.registry import ENGINES
from resdepth.engine.loop import ACTIVATION_CONSTANTS, DEFAULT_CONSTANT
from resdepth.errors import Usage
from resdepth.mathematics.activation import ACTIVATIONS
from resdepth.mathematics.initialise import INITIALISATIONS
from resdepth.mathematics.refinement import REFINEMENTS
from resdepth.options.export import ExportOptions
from resdepth.options.fields import choices, flags, help_text, span
from resdepth.options.train import TrainInvocation, TrainOptions
from resdepth.runs.export import FORMATS
from tests.support.messages import refused
from tests.support.networks import AUGMENTATIONS

FIELDS = TrainOptions.fields()


@pytest.mark.parametrize(
    ("field", "known"),
    [
        ("activation", set(ACTIVATIONS)),
        ("init", {"run", *INITIALISATIONS}),
        ("augmentation", set(AUGMENTATIONS)),
        ("engine", {"auto", *ENGINES}),
        ("data", {"digits", "folder", "sin", "constant", *STATISTICS}),
    ],
)
def test_choices_are_those_that_exist(field: str, known: set[str]) -> None:
    assert set(choices(FIELDS[field])) == known


def test_the_rules_of_a_start_double_the_depth() -> None:
    assert choices(FIELDS["start_rule"]) == tuple(REFINEMENTS)[:2]


def test_formats_are_those_that_exist() -> None:
    assert choices(ExportOptions.model_fields["format"]) == FORMATS


def test_the_old_device_is_taken_but_not_shown() -> None:
    assert choices(FIELDS["device"]) == ("auto", "cpu", "cuda", "mps")
    assert TrainOptions(device="gpu").device == "gpu"


def test_no_flag_is_used_twice() -> None:
    spelled = [
        flag
        for model in (TrainOptions, TrainInvocation)
        for name, info in model.fields().items()
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
    with refused(Usage, match=r"^colour: no such option"):
        TrainOptions(colour="red")  # type: ignore[call-arg]


def test_the_defaults_of_the_design() -> None:
    options = TrainOptions()
    assert (options.depth, options.width, options.alpha, options.gamma) == (64, 15, 0.75, 1.0)
    assert (options.init, options.data, options.batch_size) == ("ntrunc", "digits", None)
    assert (options.dtype, options.activation, options.augmentation) == ("float32", "tanh", "skip")
    assert options.store_grad and options.loss_p == 2.0 and options.beta == 0.25
    assert options.stem == "digits-L64-seed0"


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        ({}, 10),
        ({"depth": 16}, 5),
        ({"depth": 256}, 20),
        ({"depth": 128, "alpha": 1.0}, 160),
        ({"depth": 128, "alpha": 0.5}, 0.3125),
        ({"activation": "relu"}, 0.32),
        ({"alpha": 1.0, "augmentation": "none"}, 0.3125 / 64),
        ({"lr_depth": 16, "lr_depth_exponent": 1.0}, 20),
        ({"depth": 16, "lr_depth_exponent": 0.0}, 5),
    ],
    ids=str,
)
def test_the_default_rate_follows_the_depth(given: dict[str, Any], rate: float) -> None:
    options = TrainOptions(**given)
    assert options.rate == pytest.approx(rate, rel=1e-12)
    assert options.recorded(options.model_fields_set).keys() == given.keys()
    assert TrainOptions(**options.recorded()).rate == options.rate


@pytest.mark.parametrize(
    "update",
    [{"alpha": 1.0}, {"alpha": 0.5}, {"activation": "relu"}, {"augmentation": "none"}],
    ids=str,
)
def test_a_changed_copy_has_its_own_default_rate(update: dict[str, Any]) -> None:
    copy = TrainOptions(depth=128).model_copy(update=update)
    assert copy == TrainOptions(depth=128, **update)
    given = TrainOptions(depth=128, lr=9.0).model_copy(update=update)
    assert given == TrainOptions(depth=128, lr=9.0, **update)


@pytest.mark.parametrize("depth", [16, 64, 256])
def test_a_rate_that_is_given_holds_at_every_depth(depth: int) -> None:
    assert TrainOptions(depth=depth, lr=9.0).rate == 9.0


def test_default_runs_of_all_depths_have_the_same_rule() -> None:
    rules = [TrainOptions(depth=depth).recorded() for depth in (32, 64, 128)]
    assert len({(r["lr"], r["lr_depth"], r["lr_depth_exponent"]) for r in rules}) == 1
