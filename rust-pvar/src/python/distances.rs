//! Paths of which only the distances are known, and distances gathered block by block.

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;

use super::functions::{answer, detached, exponents};
use super::input::{Borrowed, with_slice};
use super::interrupt::value_error;
use crate::distances::{self, Distances};
use crate::error::Error;
use crate::variation::Solution;

fn solve(distances: &Bound<'_, PyAny>, exponents: &[f64]) -> PyResult<Vec<Solution>> {
    let borrowed = Borrowed::matrix(distances)?;
    let len = borrowed.count();
    with_slice!(borrowed, data => {
        detached(distances.py(), |_, proceed| {
            let distances = Distances::new(data, len)?;
            exponents.iter().map(|&p| distances.solve(p, proceed)).collect()
        })
    })
}

/// The p-variation V_p of points in any space, by the matrix of their distances.
///
/// `distances` has shape (n, n): symmetric, finite, not negative, zero on the diagonal, else
/// `ValueError`. The triangle inequality is not assumed. See `p_variation`.
#[pyfunction]
#[pyo3(signature = (distances, p, *, return_partition=false))]
pub(super) fn p_variation_from_distances<'py>(
    distances: &Bound<'py, PyAny>,
    p: f64,
    return_partition: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let solution = solve(distances, &[p])?.remove(0);
    answer(distances.py(), solution.value, return_partition.then_some(solution.partition))
}

/// The p-variation norm V_p^(1/p) of points by the matrix of their distances.
///
/// See `p_variation_from_distances`.
#[pyfunction]
#[pyo3(signature = (distances, p, *, return_partition=false))]
pub(super) fn p_variation_norm_from_distances<'py>(
    distances: &Bound<'py, PyAny>,
    p: f64,
    return_partition: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let solution = solve(distances, &[p])?.remove(0);
    answer(distances.py(), solution.norm, return_partition.then_some(solution.partition))
}

/// The norms V_p^(1/p) for several exponents, by the matrix of distances.
///
/// See `p_variation_from_distances`.
#[pyfunction]
pub(super) fn profile_from_distances<'py>(
    distances: &Bound<'py, PyAny>,
    ps: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let solutions = solve(distances, &exponents(ps)?)?;
    let norms: Vec<f64> = solutions.iter().map(|solution| solution.norm).collect();
    Ok(norms.into_pyarray(distances.py()))
}

/// V_j for every j: the p-variation of the first j + 1 points, by the matrix of distances.
///
/// See `p_variation_from_distances`.
#[pyfunction]
pub(super) fn prefix_from_distances<'py>(
    distances: &Bound<'py, PyAny>,
    p: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let borrowed = Borrowed::matrix(distances)?;
    let len = borrowed.count();
    let values = with_slice!(borrowed, data => {
        detached(distances.py(), |_, proceed| {
            Distances::new(data, len)?.prefix(p, proceed)
        })
    })?;
    Ok(values.into_pyarray(distances.py()))
}

/// The distances (n, n) of points by the matrix (n, n) of their inner products.
///
/// `gram` is symmetric, finite, and of points that there are, else `ValueError`. Distances that are
/// small beside the norms of the points have lost digits that nothing brings back: take the
/// products of the points minus one of them, or `pairwise_distances`.
#[pyfunction]
pub(super) fn distances_from_gram<'py>(
    gram: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let borrowed = Borrowed::matrix(gram)?;
    let len = borrowed.count();
    let distances = with_slice!(borrowed, data => {
        detached(gram.py(), |_, _| distances::distances_from_gram(data, len))
    })?;
    distances.into_pyarray(gram.py()).reshape([len, len])
}

/// Sums the squares of all differences, block by block; see `pvar.pairwise_distances`.
#[pyclass(module = "pvar")]
pub(super) struct Gatherer(distances::Gatherer);

#[pymethods]
impl Gatherer {
    #[new]
    fn new(points: usize) -> PyResult<Self> {
        distances::Gatherer::new(points).map(Self).map_err(|error| value_error(&error))
    }

    /// Takes the next coordinates (n, k) of all n points.
    fn add(&mut self, block: &Bound<'_, PyAny>) -> PyResult<()> {
        let borrowed = Borrowed::new(block, &[2])?;
        let (gatherer, len) = (&mut self.0, borrowed.count());
        with_slice!(borrowed, data => {
            detached(block.py(), |_, proceed| {
                if len != gatherer.len() {
                    let (rows, columns) = (gatherer.len(), data.len() / len.max(1));
                    return Err(Error::Shape { rows, columns, len: data.len() });
                }
                gatherer.add(data, data.len() / len, proceed)
            })
        })
    }

    /// The distances (n, n) by what was taken so far.
    fn distances<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let distances = py.detach(|| self.0.distances());
        distances.into_pyarray(py).reshape([self.0.len(), self.0.len()])
    }
}
