"""Options in groups: given as groups, mappings or flat, and read by flat names."""

import copy
import inspect
import pickle
from typing import Any

import pytest

import resdepth
from resdepth import DynamicLearningRate, FractionalWeights, Sin, TrainOptions
from resdepth.options.train import NetworkOptions

FLAT = TrainOptions(data="sin", separation="2", init="fbm", hurst=0.3, dynamic_lr="yes", depth=8)


@pytest.mark.parametrize(
    "given",
    [
        {
            "data": Sin(separation=2),
            "init": FractionalWeights(hurst=0.3),
            "learning_rate": DynamicLearningRate(),
            "network": NetworkOptions(depth=8),
        },
        {
            "data": {"kind": "sin", "separation": 2},
            "init": {"kind": "fbm", "hurst": 0.3},
            "learning_rate": {"kind": "dynamic"},
            "network": {"depth": 8},
        },
        {"data": {"kind": "sin"}, "separation": 2, "init": "fbm", "hurst": 0.3}
        | {"dynamic_lr": True, "network": {"depth": 8}},
    ],
    ids=["groups", "mappings", "mixed"],
)
def test_three_ways_to_give_them(given: dict[str, Any]) -> None:
    options = TrainOptions(**given)
    assert options == FLAT and hash(options) == hash(FLAT)
    assert options.model_fields_set == FLAT.model_fields_set
    assert options.recorded() == FLAT.recorded()


def test_a_kind_is_its_word() -> None:
    assert FLAT.data == "sin" != TrainOptions().data and FLAT.data in ("sin", "constant")
    assert {"sin": 3}[FLAT.data] == 3 and f"{FLAT.data}" == "sin"
    assert isinstance(FLAT.data, Sin) and FLAT.data.separation == FLAT.separation == 2.0


def test_what_a_kind_does_not_have_is_its_default() -> None:
    options = TrainOptions()
    assert (options.separation, options.num_samples, options.hurst) == (None, 1000, None)
    assert (options.dynamic_lr, options.lr_max, options.dynamic_lr_rule) == (
        False, None, "recursive",
    )  # fmt: skip
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = options.colour


def test_copies_are_the_same() -> None:
    assert copy.deepcopy(FLAT) == pickle.loads(pickle.dumps(FLAT)) == FLAT.model_copy() == FLAT


def test_a_copy_drops_what_has_no_effect_any_more() -> None:
    other = FLAT.model_copy(update={"data": "digits"})
    assert other.data == "digits" and other.separation is None and other.hurst == 0.3
    with pytest.raises(resdepth.ResdepthError, match="separation: has no effect"):
        TrainOptions().model_copy(update={"separation": 2})


def test_the_signature_has_words_and_classes() -> None:
    parameter = inspect.signature(TrainOptions).parameters["data"]
    assert "'constant'" in str(parameter) and "Sin" in str(parameter)
    assert "learning_rate" not in inspect.signature(TrainOptions).parameters
