"""Options without effect: refused when given, ignored in records."""

from pathlib import Path
from typing import Any

import pytest

from resdepth.cli.app import COMMANDS, LazyCommand
from resdepth.cli.reference import leaves
from resdepth.errors import Usage
from resdepth.options.base import Options, flag_of
from resdepth.options.curvefit import CurvefitOptions
from resdepth.options.data import Sin
from resdepth.options.export import ExportOptions
from resdepth.options.landscape import RenderOptions, TrajectoryOptions, VisOptions
from resdepth.options.limit import LimitOptions
from resdepth.options.paths import NormOptions, ProfileOptions, ScalingOptions, WeightsOptions
from resdepth.options.programs import flat_record, nested_record
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.options.resolve import from_record, resolve
from resdepth.options.spectrum import SpectrumOptions
from resdepth.options.train import TrainOptions
from resdepth.options.transfer import TransferOptions
from tests.support.messages import refused

PATHS = "sources ext beta pattern layers allow_mixed out"
EVALUATED = "sources subset device engine threads steps out resume"
ALWAYS: dict[type[Options], str] = {
    TrainOptions: "model data train_fraction depth width alpha init activation augmentation "
    "input_size lr lr_depth_exponent lr_depth dynamic_lr epochs stop_loss batch_size "
    "p_var_every store_grad log_every val_every checkpoint_every seed device engine dtype threads",
    ResnetCifarOptions: "depth data data_dir train_fraction flip epochs batch_size alpha skip lr "
    "momentum weight_decay schedule warmup val_every checkpoint_every seeds seed device amp layout "
    "threads",
    ExportOptions: "sources format out",
    NormOptions: f"{PATHS} null pvar pvar_only",
    WeightsOptions: f"{PATHS} pos columns show",
    ProfileOptions: f"{PATHS} null p_min p_max points columns show",
    ScalingOptions: f"{PATHS} statistic columns show",
    LimitOptions: f"{PATHS} interventions",
    TransferOptions: "sources columns group_by criterion base_rate against show out",
    CurvefitOptions: "sources tag window_size filter_period time scaling_x infer_shift columns out "
    "show",
    RenderOptions: f"{EVALUATED} directions dimensions span normalise statistics",
    TrajectoryOptions: f"{EVALUATED} steps_b margin centred",
    VisOptions: "surface kind out",
    SpectrumOptions: "sources matrix top smallest tolerance density probes blocks interaction "
    "subset seed dtype device engine threads columns out show",
}
"""Options with an effect whatever the others are; a few depend on the run that is read."""

SOURCE: dict[str, Any] = {"sources": ("x",)}
WITHOUT: list[tuple[type[Options], dict[str, Any], dict[str, Any], list[dict[str, Any]]]] = [
    # The option, the others with which it has no effect, and those with which it has one.
    (TrainOptions, {"data_dir": "x"}, {}, [{"data": "mnist"}, {"data": "folder"}]),
    (TrainOptions, {"num_workers": 2}, {"data": "cifar10"}, [{"data": "folder", "data_dir": "x"}]),
    (TrainOptions, {"num_samples": 5}, {}, [{"data": "sin"}, {"data": "constant"}]),
    (TrainOptions, {"separation": 2.0}, {"data": "constant"}, [{"data": "sin"}]),
    (TrainOptions, {"sin_frequency": "period"}, {}, [{"data": "sin"}]),
    (TrainOptions, {"target_value": 2.0}, {"data": "sin"}, [{"data": "constant"}]),
    (TrainOptions, {"classes": 3}, {"data": "sin"}, [{"data": "digits"}, {"data": "mnist"}]),
    (TrainOptions, {"loss_p": 3.0}, {"data": "mnist"}, [{"data": "sin"}, {"data": "constant"}]),
    (TrainOptions, {"hurst": 0.3}, {"init": "repeat"}, [{"init": "fbm"}]),
    (TrainOptions, {"init_depth": 128}, {}, [{"init": "fbm", "hurst": 0.5}]),
    (TrainOptions, {"gamma": 2.0}, {"start_from": "x"}, [{}, {"init": "repeat"}]),
    (TrainOptions, {"init_alpha": 1.0}, {"start_from": "x"}, [{}, {"init": "constant"}]),
    (TrainOptions, {"start_from": Path("x")}, {"init": "ntrunc"}, [{}, {"init": "run"}]),
    (TrainOptions, {"start_rule": "interpolate"}, {}, [{"start_from": "x"}]),
    (TrainOptions, {"precision": "tf32"}, {"dtype": "float64"}, [{"dtype": "float32"}]),
    (TrainOptions, {"dynamic_lr_rule": "anchored"}, {}, [{"dynamic_lr": True}]),
    (TrainOptions, {"lr_constant": 3.0}, {}, [{"dynamic_lr": True}]),
    (TrainOptions, {"lr_max": 3.0}, {}, [{"dynamic_lr": True}]),
    (
        TrainOptions,
        {"p_var": 3.0},
        {"p_var_every": 0},
        [{}, {"p_var_every": 0, "dynamic_lr": True}],
    ),
    (ResnetCifarOptions, {"num_workers": 2}, {}, [{"data": "folder", "data_dir": "x"}]),
    (NormOptions, {"norm": "spectral"}, SOURCE | {"pvar_only": True, "pvar": (2.0,)}, [SOURCE]),
    (NormOptions, {"columns": 2}, SOURCE | {"pvar_only": True, "pvar": (2.0,)}, [SOURCE]),
    (NormOptions, {"show": True}, SOURCE | {"pvar_only": True, "pvar": (2.0,)}, [SOURCE]),
    (NormOptions, {"input_size": "8,8"}, SOURCE, [SOURCE | {"norm": "operator"}]),
    (CurvefitOptions, {"shift": 2.0}, SOURCE | {"infer_shift": True}, [SOURCE]),
    (RenderOptions, {"pairs": 2}, {"directions": ("pca",)}, [{}]),
    (RenderOptions, {"norms": True}, {"directions": ("run",)}, [{"directions": ("random",)}]),
    (RenderOptions, {"steps_b": 3}, {"dimensions": 1}, [{}, {"dimensions": 2}]),
    (RenderOptions, {"span_b": 3.0}, {"directions": ("run",)}, [{"directions": ("a", "b")}]),
    (RenderOptions, {"rise": 3.0}, {}, [{"span": "auto"}, {"directions": ("hessian",)}]),
    (
        RenderOptions,
        {"seed": 3},
        {"directions": ("pca",)},
        [{}, {"directions": ("a",), "subset": 9}],
    ),
    (TrajectoryOptions, {"seed": 3}, {}, [{"subset": 9}]),
    (TrajectoryOptions, {"log": True}, {"out": "a.vti"}, [{}, {"out": "a.html"}, {"out": "a.v2"}]),
    (TrajectoryOptions, {"columns": 2}, {"out": "a.html"}, [{}, {"out": "a.gif"}]),
    (TrajectoryOptions, {"show": True}, {"out": "a.gif"}, [{}, {"out": "a.SVG"}]),
    (VisOptions, {"quantity": "accuracy"}, {"surface": "s", "out": "a.vti"}, [{"surface": "s"}]),
    (VisOptions, {"log": True}, {"surface": "s", "out": "a.vti"}, [{"surface": "s"}]),
    (VisOptions, {"clip": 2.0}, {"surface": "s", "out": "a.vti"}, [{"surface": "s"}]),
    (VisOptions, {"columns": 2}, {"surface": "s", "out": "a.vts"}, [{"surface": "s"}]),
    (VisOptions, {"show": True}, {"surface": "s", "out": "a.html"}, [{"surface": "s"}]),
    (SpectrumOptions, {"steps": 9}, {}, [{"density": True}]),
    *(
        (LimitOptions, given, {"sources": ("x",), "interventions": False}, [{"sources": ("x",)}])
        for given in ({"refine": True}, {"seed": 1}, {"threads": 1}, {"columns": 1}, {"show": True})
    ),
]

each = pytest.mark.parametrize(
    ("model", "given", "others", "fitting"),
    WITHOUT,
    ids=[f"{model.__name__}-{next(iter(given))}" for model, given, *_ in WITHOUT],
)


def conditions(model: type[Options]) -> set[str]:
    """The options that have an effect only with others."""
    kinds = {
        name
        for name, place in getattr(model, "places", {}).items()
        if place.kinds and place.kinds != tuple(model.groups[place.group])  # type: ignore[attr-defined]
    }
    return kinds | set(model.NEEDS)


@pytest.mark.parametrize("model", ALWAYS, ids=lambda model: model.__name__)
def test_every_option_has_an_effect_or_says_when(model: type[Options]) -> None:
    always = set(ALWAYS[model].split())
    assert always | conditions(model) == set(model.fields())
    assert not always & conditions(model)
    assert conditions(model) == {next(iter(given)) for one, given, *_ in WITHOUT if one is model}
    for needs in model.NEEDS.values():
        for need in needs:
            assert need.option in model.fields()
            assert not need.seen or isinstance(getattr(model, need.seen), property)


def test_no_command_is_forgotten() -> None:
    known = {name for model in ALWAYS for name in model.fields()}
    for path, summary in leaves(COMMANDS, ()):
        if (
            path[0] != "study"
        ):  # Its cells are those of `train`; executors have a table of their own.
            fields = {parameter.name for parameter in LazyCommand(path, summary).load().params}
            calls = {"config", "print_config", "quiet", "json_", "resume", "overwrite", "out"}
            assert fields - calls - {"help"} <= known, path


def test_a_command_without_options_takes_no_file_of_them() -> None:
    names = [parameter.name for parameter in LazyCommand(("study", "status"), "").load().params]
    assert names == ["study", "quiet", "json_"]


@each
def test_an_option_without_effect_is_refused(model, given, others, fitting) -> None:  # type: ignore[no-untyped-def]
    (name,) = given
    with pytest.raises(Usage, match=rf"^{name}: has no effect") as caught:
        model(**given, **others)
    assert all(
        need.option in f"{caught.value}{caught.value.remedy}" for need in model.NEEDS.get(name, ())
    )
    assert isinstance(caught.value, ValueError)
    with refused(Usage, match=rf"^{flag_of(model, name)}: has no effect with"):
        resolve(model, given | others, command="x")


@each
def test_it_is_taken_where_it_has_one(model, given, others, fitting) -> None:  # type: ignore[no-untyped-def]
    for situation in fitting:
        assert model(**given, **situation).idle() == {}


@each
def test_records_and_defaults_are_taken(model, given, others, fitting) -> None:  # type: ignore[no-untyped-def]
    (name,) = given
    default = model.fields()[name].default
    assert getattr(from_record(model, given | others, Path("x")), name) == default
    assert getattr(resolve(model, given | others, command="x", lenient=[name]), name) == default
    assert model(**{name: default}, **others) == model(**others)


def test_a_record_is_compared_by_what_has_an_effect() -> None:
    recorded = {"data": "digits", "separation": 2.0, "lr_max": 3, "hurst": None}
    same = {"data": "digits", "separation": None, "lr_max": None, "hurst": None}
    assert flat_record("train", recorded) == same
    assert flat_record("another", recorded) == recorded
    kept = {"data": "sin", "separation": 2.0}
    assert flat_record("train", kept) == kept
    unknown = recorded | {"young": "x"}
    assert flat_record("train", unknown) == unknown


@pytest.mark.parametrize(
    "options",
    [
        TrainOptions(),
        TrainOptions(data=Sin(separation=2), init="fbm", hurst=0.3, dynamic_lr=True, lr_max=4),
        TrainOptions(data="folder", data_dir="x", no_p_var=True),
    ],
    ids=lambda options: str(options.data),
)
def test_a_nested_record_is_read_flat(options: TrainOptions) -> None:
    flat = options.recorded()
    nested = nested_record("train", flat)
    assert nested["data"]["kind"] == options.data and nested["network"]["depth"] == options.depth
    assert flat_record("train", nested) == flat
    assert from_record(TrainOptions, nested, Path("x")).recorded() == flat


def test_an_earlier_record_without_norms() -> None:
    assert flat_record("train", {"no_p_var": True, "p_var_every": 3}) == {"p_var_every": 0}
    assert flat_record("train", {"no_p_var": False, "p_var_every": 3}) == {"p_var_every": 3}
