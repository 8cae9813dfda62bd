"""What is said of a run's curvature against the dense matrix of its loss by autograd."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.autograd.functional import hessian

import resdepth
from resdepth.data.load import load_data
from resdepth.engine.autograd import ReferenceEngine
from resdepth.errors import Impossible, Usage
from resdepth.mathematics import lanczos as mathematics
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing import hessian as module
from resdepth.probing import products as price
from resdepth.runs.checkpoint import last_path, read_checkpoint
from resdepth.training.networks import load_network
from tests.support.messages import refused
from tests.support.pictures import picture_folder


def look(run: Path, **given: object):
    return resdepth.spectrum(run, SpectrumOptions(**{"threads": 1, "device": "cpu", **given}))


@pytest.fixture(scope="module")
def matrix(small_run: Path) -> np.ndarray:
    """The Hessian (96, 96) of the small run's loss."""
    options = resdepth.open_run(small_run).options
    data, _ = load_data(options)
    network = load_network(options.network, options.data, read_checkpoint(last_path(small_run)))
    h0 = network.embed(data.inputs)

    def loss(vector: torch.Tensor) -> torch.Tensor:
        moved = network.with_blocks(vector.view_as(network.blocks))
        prediction = ReferenceEngine().predict(moved, h0)
        return network.loss.of_samples(prediction, data.targets).mean()

    return hessian(loss, network.blocks.flatten()).numpy()


@pytest.mark.parametrize("engine", ["auto", "eager"])
def test_eigenvalues_and_traces_are_those_of_the_matrix(small_run, matrix, engine) -> None:
    found = look(small_run, engine=engine, top=7, smallest=3)
    values = np.linalg.eigvalsh(matrix)
    scale = np.abs(values).max()
    np.testing.assert_allclose(found.top, values[::-1][:7], rtol=0, atol=1e-11 * scale)
    np.testing.assert_allclose(found.smallest, values[:3], rtol=0, atol=1e-11 * scale)
    assert found.residuals.shape == (10,) and (found.residuals <= 1e-11 * scale).all()
    assert found.trace.hessian == pytest.approx(np.trace(matrix), rel=1e-10)
    assert found.trace.hessian_error == 0.0
    blocks = [np.trace(matrix[k : k + 16, k : k + 16]) for k in range(0, 96, 16)]
    np.testing.assert_allclose(found.layers.hessian, blocks, rtol=1e-9, atol=1e-11 * scale)
    rate = read_checkpoint(last_path(small_run)).lr
    assert found.rate_times_top == pytest.approx(rate * values[-1], rel=1e-10)
    assert (found.edge, found.depth, found.parameters) == (2.0, 6, 96)
    assert found.loss == pytest.approx(resdepth.open_run(small_run).manifest.final["loss"])


def test_the_written_file_has_every_field_and_its_provenance(small_run, tmp_path) -> None:
    options = SpectrumOptions(threads=1, device="cpu", top=2)
    run, out = resdepth.open_run(small_run), tmp_path / "x.json"
    found = module.write(run, options, out)
    written = json.loads(out.read_text())
    assert written["top"] == found.top.tolist() and written["edge"] == 2.0
    assert written["trace"]["hessian"] == found.trace.hessian
    sources = {file["path"] for file in written["provenance"]["sources"]}
    assert str(last_path(small_run).absolute()) in sources
    assert written["provenance"]["options"]["top"] == 2


def test_lanczos_finds_the_same_as_the_dense_matrix(small_run, matrix, monkeypatch) -> None:
    monkeypatch.setattr(mathematics, "SMALL", 10)
    found = look(small_run, top=3, smallest=2)
    values = np.linalg.eigvalsh(matrix)
    np.testing.assert_allclose(found.top, values[::-1][:3], rtol=1e-8)
    np.testing.assert_allclose(found.smallest, values[:2], rtol=1e-8)


def test_counts_of_a_small_matrix_are_exact(small_run, matrix) -> None:
    counts = look(small_run, density=True).counts
    values = np.linalg.eigvalsh(matrix)
    # Eigenvalues that are zero but for rounding lie on either side of anything smaller.
    sure = np.abs(counts.x) > 1e-12
    above = (values[None, :] > counts.x[:, None]).sum(1)
    for part in (counts.above.lower, counts.above.estimate, counts.above.upper):
        np.testing.assert_array_equal(part[sure], above[sure])
    np.testing.assert_array_equal(counts.below.estimate + counts.above.estimate, 96)


def test_counts_by_quadrature_lie_in_their_band(small_run, matrix, monkeypatch) -> None:
    monkeypatch.setattr(price, "DENSE", 10)
    monkeypatch.setattr(mathematics, "SMALL", 10)
    counts = look(small_run, density=True, top=4, steps=12, probes=12).counts
    above = (np.linalg.eigvalsh(matrix)[None, :] > counts.x[:, None]).sum(1)
    inside = (counts.above.lower <= above + 1e-9) & (above <= counts.above.upper + 1e-9)
    assert inside.mean() >= 0.95
    assert (counts.above.upper - counts.above.lower).max() > 0.5


def test_spectra_of_the_layers_are_those_of_the_blocks(small_run, matrix) -> None:
    spectra = look(small_run, blocks="spectra").spectra
    expected = [np.linalg.eigvalsh(matrix[k : k + 16, k : k + 16])[::-1] for k in range(0, 96, 16)]
    np.testing.assert_allclose(spectra, expected, rtol=0, atol=1e-11 * np.abs(matrix).max())


def test_interaction_estimates_the_norms_of_blocks(small_run, matrix) -> None:
    found = look(small_run, interaction=3, probes=3000).interaction
    expected = [
        [np.linalg.norm(matrix[j : j + 32, k : k + 32]) for k in range(0, 96, 32)]
        for j in range(0, 96, 32)
    ]
    np.testing.assert_allclose(found, expected, rtol=0.1)


def test_gauss_newton_has_no_negative_eigenvalue(small_run) -> None:
    found = look(small_run, matrix="gauss-newton", top=96)
    assert len(found.smallest) == 0 and found.top.min() >= -1e-12 * found.top.max()
    assert found.top.sum() == pytest.approx(found.trace.gauss_newton, rel=1e-9)


def test_wide_layers_have_estimates_with_errors(small_run, matrix, monkeypatch) -> None:
    monkeypatch.setattr(price, "EXACT", 3)
    found = look(small_run, blocks="traces", probes=30)
    assert found.trace.hessian_error > 0.0
    off = abs(found.trace.hessian - np.trace(matrix))
    assert off <= 5.0 * found.trace.hessian_error
    blocks = np.array([np.trace(matrix[k : k + 16, k : k + 16]) for k in range(0, 96, 16)])
    assert (np.abs(found.layers.hessian - blocks) <= 5.0 * found.layers.hessian_error).all()


def test_float32_says_its_error(small_run) -> None:
    rough, fine = (look(small_run, dtype=dtype) for dtype in ("float32", "float64"))
    assert (np.abs(rough.top - fine.top) <= 4 * rough.residuals[:10] + 1e-7 * fine.top[0]).all()
    assert 0.0 < rough.residuals.max() <= 1e-5 * fine.top[0]
    off = abs(rough.top[0] - fine.top[0]) / fine.top[0]
    assert off / 2 <= rough.rounding <= 1e-5
    assert fine.rounding == 0.0


def test_a_subset_is_that_of_the_seed(small_run) -> None:
    once, again, other = (look(small_run, subset=20, seed=seed) for seed in (1, 1, 2))
    assert once.samples == 20
    np.testing.assert_array_equal(once.top, again.top)
    assert once.top[0] != other.top[0]


@pytest.mark.parametrize(
    "asked", [{"blocks": "spectra"}, {"interaction": 7}], ids=["spectra", "groups"]
)
def test_what_the_network_lacks_is_refused(small_run, monkeypatch, asked) -> None:
    monkeypatch.setattr(module, "WIDEST_BLOCK", 3)
    with pytest.raises(Usage):
        look(small_run, **asked)


def test_a_loss_without_second_derivatives_is_refused(small_run, monkeypatch) -> None:
    def nothing(self, directions, gauss_newton=False):
        return torch.full_like(directions, torch.inf)

    monkeypatch.setattr("resdepth.engine.objective.DenseObjective.products", nothing)
    with refused(Impossible, match="not finite"):
        look(small_run)


def test_a_convolutional_run(workers, tmp_path: Path) -> None:
    picture_folder(tmp_path / "images")
    line = "resnet-cifar --data folder --data-dir images --depth 8 --epochs 1 --batch-size 20"
    line += " --threads 1 --lr 0.05 --momentum 0.9 --out run"
    assert workers.run(*line.split(), cwd=tmp_path).code == 0
    found = look(tmp_path / "run", top=1, smallest=0, subset=4, blocks="traces", probes=2)
    assert (found.depth, found.edge, found.engine) == (8, 3.8, "torch float64")
    assert found.top[0] > 0.0 and found.residuals[0] <= 1e-5 * found.top[0]
    assert found.layers.names[0] == "first" and found.layers.names[-1] == "readout"
    assert (found.layers.gauss_newton > 0.0).all() and found.trace.gauss_newton_error > 0.0
