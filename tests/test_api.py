"""The Python face: names that resolve lazily and are the same for the type checker."""

import ast
import inspect
import pydoc
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import resdepth
from resdepth.errors import Missing


def declared() -> dict[str, str]:
    """Names under TYPE_CHECKING with the modules they come from."""
    tree = ast.parse(Path(resdepth.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    found = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names:
            assert alias.asname is None
            found[alias.name] = node.module
    return found


def test_the_type_checker_sees_the_same_names() -> None:
    assert declared() == resdepth._HOMES
    assert resdepth.__all__ == sorted(resdepth._HOMES) == dir(resdepth)


@pytest.mark.parametrize("name", sorted(resdepth._HOMES))
def test_a_public_name_resolves_and_is_documented(name: str) -> None:
    found = getattr(resdepth, name)
    assert found is getattr(import_module(resdepth._HOMES[name]), name)
    assert found.__doc__ and found.__doc__.strip()


def test_the_names_of_the_design() -> None:
    wanted = {"train", "TrainOptions", "open_run", "load_data", "weight_path", "p_variation_norm"}
    assert wanted <= set(resdepth.__all__)


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="'resdepth' has no attribute 'trian'"):
        _ = resdepth.trian  # type: ignore[attr-defined]


def test_importing_costs_nothing() -> None:
    script = (
        "import sys, resdepth; print(sorted({'torch', 'numpy', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_the_example_of_the_design(tmp_path: Path) -> None:
    options = resdepth.TrainOptions(depth=8, width=3, epochs=3, seed=1, threads=1)
    run = resdepth.train(options, out=tmp_path / "8")
    assert resdepth.open_run(str(tmp_path / "8")) == run and run.options == options
    steps, omega = run.scalars("avg_grad_norm")
    assert steps.tolist() == [0, 1, 2, 3] and (omega > 0).all()
    checkpoint = run.checkpoint()
    assert checkpoint.blocks.shape == (8, 3, 3) and checkpoint.step == 3
    train, val = resdepth.load_data(run.options)
    assert train.inputs.shape == (1437, 64) and len(val.targets) == 360
    path = resdepth.weight_path(run)
    assert path.shape == (8, 9)
    wanted = 8**0.25 * checkpoint.blocks.double().numpy().reshape(8, 9)
    assert abs(path - wanted).max() < 1e-15
    assert resdepth.p_variation_norm(path, p=2) > 0


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        (lambda run: run.scalars("los"), "no scalar 'los'"),
        (lambda run: run.checkpoint(77), "no such checkpoint of step 77"),
        (lambda run: resdepth.open_run(run.path / "x"), "no such folder"),
    ],
)
def test_what_is_not_there(small_run: Path, what, complaint: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(resdepth.ResdepthError, match=complaint):
        what(resdepth.open_run(small_run))


def test_a_scalar_that_is_missing_is_not_a_damaged_file(small_run: Path) -> None:
    with pytest.raises(Missing) as caught:
        resdepth.open_run(small_run).scalars("typo")
    assert "avg_grad_norm" in caught.value.remedy


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: resdepth.TrainOptions(depth=0), "^depth: should be at least 1, not 0$"),
        (lambda: resdepth.TrainOptions(lr="x"), "^lr: should be a number, not 'x'$"),
        (
            lambda: resdepth.TrainOptions(detph=3),
            "^detph: no such option; did you mean 'depth'",
        ),
        (lambda: resdepth.TrainOptions(data="folder"), "^data=folder: needs `data_dir`$"),
        (
            lambda: resdepth.TrainOptions(data="mnist", data_dir=""),
            "^data_dir: should name a file or folder",
        ),
        (lambda: resdepth.TrainOptions(loss_p=3), "^loss_p: has no effect with `data=digits`$"),
        (lambda: resdepth.RenderOptions(steps=1), "^steps: should be at least 2, not 1$"),
        (lambda: resdepth.RenderOptions(span=0.0), "^span: should be above 0 or auto, not 0$"),
        (lambda: resdepth.TrajectoryOptions(seed=3), "^seed: has no effect without `subset`$"),
        (lambda: resdepth.SpectrumOptions(steps=9), "^steps: has no effect without `density`$"),
    ],
)
def test_options_are_wrong_in_our_words_and_pythons(make, complaint: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(resdepth.ResdepthError, match=complaint) as caught:
        make()
    assert isinstance(caught.value, ValueError) and caught.value.__cause__ is None
    assert "--" not in caught.value.remedy


@pytest.mark.parametrize(
    ("call", "options"),
    [
        (resdepth.render_landscape, resdepth.RenderOptions(out="x")),  # type: ignore[arg-type]
        (resdepth.render_trajectory, resdepth.TrajectoryOptions(log=True)),
        (resdepth.spectrum, resdepth.SpectrumOptions(columns=1)),
    ],
)
def test_options_of_commands_alone_are_refused(small_run: Path, call, options) -> None:  # type: ignore[no-untyped-def]
    (name,) = options.model_fields_set
    with pytest.raises(resdepth.ResdepthError, match=f"^{name}: has no effect here$"):
        call(small_run, options=options)


@pytest.mark.parametrize("spelled", [str, Path, resdepth.open_run])
def test_a_run_is_named_as_one_likes(small_run: Path, spelled) -> None:  # type: ignore[no-untyped-def]
    assert resdepth.weight_path(spelled(small_run)).shape == (6, 16)


def test_models_are_read_by_the_name_of_a_folder(small_run: Path) -> None:
    (one,) = resdepth.read_models([str(small_run)])
    (same,) = resdepth.read_models(str(small_run))
    assert one.path == same.path and one.depth == 6


def test_the_version_is_that_of_the_program() -> None:
    assert resdepth.__version__ and "." in resdepth.__version__


def test_the_options_explain_themselves() -> None:
    text = pydoc.plain(pydoc.render_doc(resdepth.TrainOptions))
    assert "depth: int\n" in text and "number of layers L (layers; at least 1; default 64)" in text
    assert "activation: 'tanh' | 'elu' | 'relu' | 'gelu' | 'sigmoid'\n" in text
    assert "data_dir: Path | None\n" in text and "Presentation" not in text.split("|  Method")[0]
    signature = str(inspect.signature(resdepth.RenderOptions))
    assert signature.startswith("(*, ") and "sources: tuple[" in signature


def test_the_path_of_training_is_one_call(small_run: Path, tmp_path: Path) -> None:
    options = resdepth.TrajectoryOptions(steps=3, threads=1)
    found = resdepth.render_trajectory(str(small_run), tmp_path / "path.npy", options)
    path = found.record["path"]
    assert found.losses.shape == (3, 3)
    assert path["steps"][-1] == resdepth.open_run(small_run).manifest.steps
    assert path["loss"][-1] == pytest.approx(found.centre_loss)
