"""Traces of blocks by Hutchinson's probes: unbiased, with an honest standard error."""

import numpy as np
import pytest

from resdepth.mathematics.hutchinson import block_traces

SIZE = 24
PARTS = [slice(0, 5), slice(5, 14), slice(14, 24)]
DRAWN = np.random.default_rng(3).standard_normal((SIZE, SIZE))
MATRIX = DRAWN + DRAWN.T
EXACT = np.array([np.trace(MATRIX[part, part]) for part in PARTS])


def test_they_are_unbiased_with_the_spread_they_name() -> None:
    found = [block_traces(lambda v: v @ MATRIX, PARTS, SIZE, probes=11, seed=s) for s in range(400)]
    values = np.array([value for value, _ in found])
    deviations = values.std(0, ddof=1)
    assert (np.abs(values.mean(0) - EXACT) <= 4.0 * deviations / 20.0).all()
    errors = np.sqrt(np.mean([error**2 for _, error in found], axis=0))
    np.testing.assert_allclose(errors, deviations, rtol=0.2)


def test_a_diagonal_matrix_has_no_spread() -> None:
    diagonal = np.arange(1.0, SIZE + 1)
    values, errors = block_traces(lambda v: v * diagonal, PARTS, SIZE, probes=2)
    np.testing.assert_allclose(values, [diagonal[part].sum() for part in PARTS], rtol=1e-14)
    np.testing.assert_allclose(errors, 0.0, atol=1e-12)


def test_one_probe_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        block_traces(lambda v: v, PARTS, SIZE, probes=1)
