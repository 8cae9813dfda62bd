"""What a notebook has set before changes no bit, and stands as it was afterwards."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import resdepth
from resdepth.isolation import isolated


def state() -> dict[str, object]:
    """The settings and the generators of the whole process (the checks of types use Python's)."""
    return {
        "device": torch.empty(0).device,
        "dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "precision": getattr(torch.backends.cuda.matmul, "fp32_precision", ""),
        "numpy": np.geterr(),
        "filters": list(warnings.filters),
        "generator of torch": torch.random.default_generator.get_state().tolist(),
        "generator of numpy": np.random.get_state()[1].tolist(),  # type: ignore[index]
    }


@contextmanager
def changed(put: Callable[[Any], object], value: object, default: object) -> Iterator[None]:
    put(value)
    try:
        yield
    finally:
        put(default)


@contextmanager
def strict_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@contextmanager
def newer_precision() -> Iterator[None]:
    before = getattr(torch.backends.cuda.matmul, "fp32_precision", None)
    if before is None:
        pytest.skip("torch has it since 2.9")
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    yield
    torch.backends.cuda.matmul.fp32_precision = before


@contextmanager
def seeded() -> Iterator[None]:
    torch.manual_seed(5)
    np.random.seed(5)
    yield


SETTINGS: dict[str, Callable[[], Any]] = {
    "default device": partial(changed, torch.set_default_device, "meta", None),
    "device of a block": lambda: torch.device("meta"),
    "float64": partial(changed, torch.set_default_dtype, torch.float64, torch.float32),
    "no gradients": torch.no_grad,
    "inference": torch.inference_mode,
    "deterministic": partial(changed, torch.use_deterministic_algorithms, True, False),
    "two threads": partial(changed, torch.set_num_threads, 2, 1),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "medium": partial(changed, torch.set_float32_matmul_precision, "medium", "highest"),
    "precision of a backend": newer_precision,
    "numpy raises": lambda: np.errstate(all="raise"),
    "warnings are errors": strict_warnings,
    "seeds": seeded,
}


def trained(folder: Path, **more: Any) -> tuple[list[float], torch.Tensor]:
    options = resdepth.TrainOptions(
        depth=4, width=3, train_fraction=0.05, epochs=2, device="cpu", threads=1, **more
    )
    run = resdepth.train(options, out=folder)
    return run.scalars("loss")[1].tolist(), run.checkpoint().blocks


@pytest.mark.parametrize("name", SETTINGS)
def test_training_gives_the_same_bits_and_leaves_settings_alone(tmp_path: Path, name: str) -> None:
    expected = trained(tmp_path / "expected")
    with SETTINGS[name]():
        before = state() if "device" not in name else {}
        found = trained(tmp_path / "found")
        assert not before or state() == before
    assert found[0] == expected[0] and torch.equal(found[1], expected[1])


@pytest.mark.parametrize("name", ["default device", "autocast", "medium", "numpy raises"])
def test_what_is_measured_around_weights_does_not_change_either(
    small_run: Path, tmp_path: Path, name: str
) -> None:
    options = resdepth.RenderOptions(steps=3, threads=1, device="cpu")
    spectral = resdepth.SpectrumOptions(top=2, threads=1, device="cpu")

    def measured(out: str) -> list[np.ndarray]:
        return [
            resdepth.render_landscape(small_run, tmp_path / f"{out}.npy", options).losses,
            resdepth.spectrum(small_run, spectral).top,
            resdepth.load_data(resdepth.open_run(small_run).options)[0].inputs.numpy(),
        ]

    expected = measured("expected")
    with SETTINGS[name]():
        found = measured("found")
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_error_restores_the_settings() -> None:
    with SETTINGS["float64"](), SETTINGS["numpy raises"]():
        before = state()
        with pytest.raises(ZeroDivisionError), isolated():
            torch.set_num_threads(2)
            assert torch.get_default_dtype() == torch.float32 and np.geterr()["over"] == "warn"
            raise ZeroDivisionError
        assert state() == before


def test_a_warning_is_given_where_it_would_have_been_an_error() -> None:
    with pytest.warns(UserWarning, match="given"):
        warnings.simplefilter("error")
        with isolated():
            warnings.warn("given", stacklevel=1)
