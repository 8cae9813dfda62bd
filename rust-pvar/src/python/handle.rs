//! A path kept ready for repeated questions.

use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;

use super::functions::{answer, detached, exponents};
use super::input::{AnyPath, Borrowed, with_path};
use crate::metric::Metric;
use crate::path::PathView;
use crate::prepared::Prepared;
use crate::variation::Solution;

/// A path kept ready for repeated questions.
///
/// Holds its own copy of the points, checked once, and what all exponents share: the scale, the
/// distinct points, and a single-precision mirror.
#[pyclass(frozen, module = "pvar")]
pub(super) struct Path {
    data: Data,
    len: usize,
    dim: usize,
    prepared: Prepared,
}

enum Data {
    Double(Vec<f64>),
    Single(Vec<f32>),
}

impl Path {
    fn view(&self) -> AnyPath<'_> {
        match &self.data {
            Data::Double(data) => AnyPath::Double(PathView::trusted(data, self.len, self.dim)),
            Data::Single(data) => AnyPath::Single(PathView::trusted(data, self.len, self.dim)),
        }
    }

    fn solve(&self, py: Python<'_>, exponents: &[f64]) -> PyResult<Vec<Solution>> {
        let (view, prepared) = (self.view(), &self.prepared);
        detached(
            py,
            |solver, proceed| with_path!(view, view => solver.solve_prepared(&view, prepared, exponents, proceed)),
        )
    }
}

#[pymethods]
impl Path {
    #[new]
    #[pyo3(signature = (path, *, metric="euclidean"))]
    fn new(path: &Bound<'_, PyAny>, metric: &str) -> PyResult<Self> {
        let metric: Metric = super::input::metric(metric)?;
        let borrowed = Borrowed::new(path, &[1, 2])?;
        let view = borrowed.path()?;
        Ok(path.py().detach(|| {
            let prepared = with_path!(view, view => Prepared::new(&view, metric));
            let (len, dim) = with_path!(view, view => (view.len(), view.dim()));
            let data = match view {
                AnyPath::Double(view) => Data::Double(view.data().to_vec()),
                AnyPath::Single(view) => Data::Single(view.data().to_vec()),
            };
            Self { data, len, dim, prepared }
        }))
    }

    /// The shape (n, d).
    #[getter]
    fn shape(&self) -> (usize, usize) {
        (self.len, self.dim)
    }

    fn __len__(&self) -> usize {
        self.len
    }

    fn __repr__(&self) -> String {
        format!("pvar.Path({} points in R^{})", self.len, self.dim)
    }

    /// See `pvar.p_variation`.
    #[pyo3(signature = (p, *, return_partition=false))]
    fn p_variation<'py>(
        &self,
        py: Python<'py>,
        p: f64,
        return_partition: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let solution = self.solve(py, &[p])?.remove(0);
        answer(py, solution.value, return_partition.then_some(solution.partition))
    }

    /// See `pvar.p_variation_norm`.
    #[pyo3(signature = (p, *, return_partition=false))]
    fn p_variation_norm<'py>(
        &self,
        py: Python<'py>,
        p: f64,
        return_partition: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let solution = self.solve(py, &[p])?.remove(0);
        answer(py, solution.norm, return_partition.then_some(solution.partition))
    }

    /// See `pvar.profile`.
    fn profile<'py>(
        &self,
        py: Python<'py>,
        ps: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let solutions = self.solve(py, &exponents(ps)?)?;
        let norms: Vec<f64> = solutions.iter().map(|solution| solution.norm).collect();
        Ok(norms.into_pyarray(py))
    }

    /// See `pvar.prefix`.
    fn prefix<'py>(&self, py: Python<'py>, p: f64) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let (view, prepared) = (self.view(), &self.prepared);
        let values = detached(
            py,
            |solver, proceed| with_path!(view, view => solver.prefix_prepared(&view, prepared, p, proceed)),
        )?;
        Ok(values.into_pyarray(py))
    }
}
