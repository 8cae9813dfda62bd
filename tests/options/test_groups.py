"""Options in groups: given as groups, mappings or flat, and read by flat names."""

import copy
import inspect
import pickle
from pathlib import Path
from typing import Any

import pytest

import resdepth
from resdepth import DynamicLearningRate, FractionalWeights, Sin, TrainOptions, WeightsOfRun
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


def test_a_run_to_start_from_selects_its_kind() -> None:
    options = TrainOptions(start_from="a", start_rule="interpolate")
    assert options.init == "run" and options.start_from == Path("a")
    assert options == TrainOptions(init=WeightsOfRun(start_from="a", start_rule="interpolate"))
    assert options == TrainOptions().model_copy(
        update={"start_from": "a", "start_rule": "interpolate"}
    )
    assert options.recorded()["start_from"] == str(Path.cwd() / "a")
    drawn = options.model_copy(update={"init": "constant"})
    assert drawn == TrainOptions(init="constant") and drawn.start_from is None
    assert TrainOptions(start_from=None) == TrainOptions()


def test_copies_are_the_same() -> None:
    assert copy.deepcopy(FLAT) == pickle.loads(pickle.dumps(FLAT)) == FLAT.model_copy() == FLAT


def test_dumps_hold_the_kinds() -> None:
    assert TrainOptions(**FLAT.model_dump()) == FLAT
    assert TrainOptions.model_validate_json(FLAT.model_dump_json()) == FLAT


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"network": {"depth": 5}, "depth": 6}, "depth: is given twice"),
        ({"data": "sin", "network": {"separation": 2}}, "separation: is not an option of 'network"),
        ({"learning_rate": "dynamic"}, "learning_rate: should be a group of options"),
        ({"recording": Sin()}, "recording: should be RecordingOptions, not another kind"),
        ({"no_p_var": "maybe"}, "no_p_var: should be true or false"),
    ],
)
def test_wrong_groups(given: dict[str, Any], message: str) -> None:
    with pytest.raises(resdepth.ResdepthError, match=message):
        TrainOptions(**given)


def test_a_copy_takes_groups() -> None:
    assert FLAT.model_copy(update={"data": Sin(separation=3)}).separation == 3


def test_an_old_switch_takes_all_words() -> None:
    assert TrainOptions(no_p_var="on").p_var_every == 0 and TrainOptions(no_p_var=None).p_var_every


def test_a_copy_drops_what_has_no_effect_any_more() -> None:
    other = FLAT.model_copy(update={"data": "digits"})
    assert other.data == "digits" and other.separation is None and other.hurst == 0.3
    with pytest.raises(resdepth.ResdepthError, match="separation: has no effect"):
        TrainOptions().model_copy(update={"separation": 2})


def test_the_signature_has_words_and_classes() -> None:
    parameter = inspect.signature(TrainOptions).parameters["data"]
    assert "'constant'" in str(parameter) and "Sin" in str(parameter)
    assert "learning_rate" not in inspect.signature(TrainOptions).parameters
