//! A path kept ready for repeated questions.

use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;

use super::functions::{answer, detached, exponents, solve};
use super::input::{AnyPath, Borrowed, metric, with_path};
use super::interrupt::value_error;
use crate::path::PathView;

/// A path kept ready for repeated questions: its own copy of the points, checked once.
#[pyclass(frozen, module = "pvar")]
pub(super) struct Path {
    data: Data,
    len: usize,
    dim: usize,
}

enum Data {
    Double(Vec<f64>),
    Single(Vec<f32>),
}

impl Path {
    fn view(&self) -> PyResult<AnyPath<'_>> {
        let view = match &self.data {
            Data::Double(data) => PathView::new(data, self.len, self.dim).map(AnyPath::Double),
            Data::Single(data) => PathView::new(data, self.len, self.dim).map(AnyPath::Single),
        };
        view.map_err(|error| value_error(&error))
    }
}

#[pymethods]
impl Path {
    #[new]
    fn new(path: &Bound<'_, PyAny>) -> PyResult<Self> {
        let borrowed = Borrowed::new(path, &[1, 2])?;
        Ok(match borrowed.path()? {
            AnyPath::Double(view) => {
                Self { data: Data::Double(view.data().to_vec()), len: view.len(), dim: view.dim() }
            }
            AnyPath::Single(view) => {
                Self { data: Data::Single(view.data().to_vec()), len: view.len(), dim: view.dim() }
            }
        })
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
    #[pyo3(signature = (p, *, metric="euclidean", return_partition=false))]
    fn p_variation<'py>(
        &self,
        py: Python<'py>,
        p: f64,
        metric: &str,
        return_partition: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let solution = solve(py, self.view()?, p, self::metric(metric)?)?;
        answer(py, solution.value, return_partition.then_some(solution.partition))
    }

    /// See `pvar.p_variation_norm`.
    #[pyo3(signature = (p, *, metric="euclidean", return_partition=false))]
    fn p_variation_norm<'py>(
        &self,
        py: Python<'py>,
        p: f64,
        metric: &str,
        return_partition: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let solution = solve(py, self.view()?, p, self::metric(metric)?)?;
        answer(py, solution.norm, return_partition.then_some(solution.partition))
    }

    /// See `pvar.profile`.
    #[pyo3(signature = (ps, *, metric="euclidean"))]
    fn profile<'py>(
        &self,
        ps: &Bound<'py, PyAny>,
        metric: &str,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let (metric, exponents, view) = (self::metric(metric)?, exponents(ps)?, self.view()?);
        let norms = detached(
            ps.py(),
            |solver, proceed| with_path!(view, view => solver.profile(&view, &exponents, metric, proceed)),
        )?;
        Ok(norms.into_pyarray(ps.py()))
    }

    /// See `pvar.prefix`.
    #[pyo3(signature = (p, *, metric="euclidean"))]
    fn prefix<'py>(
        &self,
        py: Python<'py>,
        p: f64,
        metric: &str,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let (metric, view) = (self::metric(metric)?, self.view()?);
        let values = detached(
            py,
            |solver, proceed| with_path!(view, view => solver.prefix(&view, p, metric, proceed)),
        )?;
        Ok(values.into_pyarray(py))
    }
}
