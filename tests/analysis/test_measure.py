"""Paths of others against numpy, held in memory and read in blocks, which must agree."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from resdepth.analysis.entries import entry_table
from resdepth.analysis.measure import critical, layer_norms, statistics, variation_norms
from resdepth.analysis.path_tables import norm_table, profile_table, variation_table
from resdepth.analysis.scaling import model_scaling
from resdepth.errors import Impossible, Usage
from resdepth.weights import weight_path
from resdepth.weights.read import stored_models
from resdepth.weights.weight_path import WeightPath
from tests.support.messages import refused

EXPONENTS = [1.0, 1.7, 2.0, 3.0]
SHAPE = (3, 2, 3, 3)


def kernels(depth: int = 14) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(depth)
    names = [f"{part}.{k}.w" for part in ("a", "b") for k in range(depth)]
    return {name: torch.randn(SHAPE, generator=generator) for name in names}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("measure") / "x.safetensors"
    safetensors.torch.save_file(kernels(), path)
    return path


def expected(family: str = "a") -> np.ndarray:
    state = kernels()
    return torch.stack([state[f"{family}.{k}.w"] for k in range(14)]).double().numpy()


def model(checkpoint: Path, limit: int) -> WeightPath:
    (found,) = stored_models([checkpoint], "a.{k}.w")
    return replace(found, limit=limit)


LIMITS = {"path": 1 << 26, "distances": 0}


@pytest.mark.parametrize("ran", LIMITS)
def test_both_ways_are_the_model_in_memory(checkpoint: Path, ran: str, monkeypatch) -> None:
    monkeypatch.setattr(weight_path, "COLUMNS", 100)
    found = model(checkpoint, LIMITS[ran])
    assert found.way == ran
    held = WeightPath(checkpoint, expected(), None)
    np.testing.assert_array_equal(found.blocks, held.blocks)
    for norm in ("frobenius", "spectral"):
        np.testing.assert_allclose(layer_norms(found, norm), layer_norms(held, norm), rtol=1e-13)
    norms = variation_norms(held, 0.3, EXPONENTS)
    np.testing.assert_allclose(variation_norms(found, 0.3, EXPONENTS), norms, rtol=1e-12)
    for name, value in asdict(statistics(held)).items():
        assert asdict(statistics(found))[name] == pytest.approx(value, rel=1e-12), name


def test_norms_are_numpys(checkpoint: Path) -> None:
    found = model(checkpoint, 0)
    flat = expected().reshape(14, 3, -1)
    frobenius, spectral = (np.linalg.norm(flat, ord=o, axis=(1, 2)) for o in ("fro", 2))
    np.testing.assert_allclose(layer_norms(found), frobenius, rtol=1e-12)
    np.testing.assert_allclose(layer_norms(found, "spectral"), spectral, rtol=1e-12)


def test_the_operator_norm_needs_the_size_of_the_input(checkpoint: Path) -> None:
    found = model(checkpoint, 0)
    with refused(Usage, match=r"convolution of shape 3 x 2 x 3 x 3"):
        layer_norms(found, "operator")
    with pytest.raises(Usage):
        layer_norms(found, "operator", (4, 4, 4))
    square = layer_norms(found, "operator", (6,))
    np.testing.assert_array_equal(square, layer_norms(found, "operator", (6, 6)))
    transfer = np.moveaxis(np.fft.fft2(expected(), (6, 6)), (1, 2), (3, 4))
    norms = np.linalg.norm(transfer, ord=2, axis=(3, 4)).max(axis=(1, 2))
    np.testing.assert_allclose(square, norms, rtol=1e-12)


def test_a_convolution_of_one_axis_has_an_operator_norm(tmp_path: Path) -> None:
    kernels = torch.randn((4, 3, 2, 5), generator=torch.Generator().manual_seed(1))
    torch.save(list(kernels), tmp_path / "x.pt")
    (found,) = stored_models([tmp_path / "x.pt"], "{k}")
    transfer = np.moveaxis(np.fft.fft(kernels.double().numpy(), 7), (1, 2), (2, 3))
    norms = np.linalg.norm(transfer, ord=2, axis=(2, 3)).max(axis=1)
    np.testing.assert_allclose(layer_norms(found, "operator", (7,)), norms, rtol=1e-12)
    with refused(Usage, match="convolution of shape 3 x 2 x 5"):
        layer_norms(found, "operator")


def test_a_scalar_a_layer_is_one_entry(tmp_path: Path) -> None:
    torch.save([torch.tensor(float(k)) for k in range(5)], tmp_path / "x.pt")
    (found,) = stored_models([tmp_path / "x.pt"], "{k}")
    table = entry_table([found], 0.0)
    assert table.entries == ((0, 0),)
    np.testing.assert_array_equal(table.curves[0].values, [[np.arange(5.0)]])


def test_a_long_path_has_a_critical_exponent_where_it_fits(tmp_path: Path) -> None:
    walk = torch.randn(300, 4, generator=torch.Generator().manual_seed(0)).cumsum(0)
    torch.save(list(walk), tmp_path / "x.pt")
    (found,) = stored_models([tmp_path / "x.pt"], "{k}")
    held = critical(found, 0.0)
    assert held is not None and 1.5 < held.value < 2.6
    assert critical(replace(found, limit=0), 0.0) is None


def test_tables_have_a_curve_a_family_and_say_which_way(checkpoint: Path) -> None:
    models = stored_models([checkpoint], "*.{k}.w")
    assert [model.family for model in models] == ["a.{k}.w", "b.{k}.w"]
    models = [models[0], replace(models[1], limit=0)]
    curves = norm_table(models, 0.5).curves
    for curve, family in zip(curves, "ab", strict=True):
        norms = 14**0.5 * np.linalg.norm(expected(family).reshape(14, -1), axis=1)
        np.testing.assert_allclose(curve.norm.mean, norms, rtol=1e-12)
    variations = variation_table(models, 0.0, EXPONENTS)
    assert [(row.family, row.way) for row in variations.rows] == [
        ("a.{k}.w", "path"),
        ("b.{k}.w", "distances"),
    ]
    # Two families of one depth are no growth in depth.
    assert all(np.isnan(growth.exponent.value) for growth in variations.growth)
    profiles = profile_table(models, 0.0, EXPONENTS)
    for row, other in zip(profiles.rows, variations.rows, strict=True):
        np.testing.assert_array_equal(row.norm.mean, other.norm.mean)
        assert (row.family, row.way) == (other.family, other.way)


def test_entries_count_in_the_matrix_of_a_kernel(checkpoint: Path) -> None:
    found = model(checkpoint, 0)
    table = entry_table([found], 0.0, [(2, 17), (0, 1)])
    np.testing.assert_array_equal(table.curves[0].values[0, 0], expected()[:, 2, 1, 2, 2])
    np.testing.assert_array_equal(table.curves[0].values[0, 1], expected()[:, 0, 0, 0, 1])
    with refused(Impossible, match="the matrices are 3 x 18"):
        entry_table([found], 0.0, [(3, 0)])
    assert len(entry_table([found], 0.0).entries) == 4


def test_scaling_is_of_one_family(checkpoint: Path) -> None:
    models = stored_models([checkpoint], "*.{k}.w")
    with refused(Usage, match="fits 2 families") as caught:
        model_scaling(models)
    assert "a.{k}.w, b.{k}.w" in caught.value.remedy
    found = model_scaling([replace(models[0], limit=0)])
    assert found.ways == ("distances",) and found.depths == (14,)
