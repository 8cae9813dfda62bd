//! Many paths in one call.

use numpy::{IntoPyArray, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::functions::exponents;
use super::input::{Borrowed, metric, with_path};
use super::interrupt::{Interrupt, value_error};
use crate::batch::run;
use crate::variation::Solver;

/// The norms of many paths, in parallel: shape (B,) for one exponent, (B, len(p)) for several.
#[pyfunction]
#[pyo3(signature = (paths, p, *, metric="euclidean", threads=None))]
pub(super) fn batch<'py>(
    paths: &Bound<'py, PyAny>,
    p: &Bound<'py, PyAny>,
    metric: &str,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = paths.py();
    let metric = self::metric(metric)?;
    let scalar = p.extract::<f64>().ok();
    let exponents = scalar.map_or_else(|| exponents(p), |p| Ok(vec![p]))?;
    if threads == Some(0) {
        return Err(PyValueError::new_err("threads must be at least 1, got 0"));
    }
    let array = paths.cast::<PyUntypedArray>().ok().filter(|array| array.ndim() == 3);
    let borrowed = match array {
        Some(_) => vec![Borrowed::new(paths, &[3])?],
        None => each_path(paths)?,
    };
    let views = match array {
        Some(_) => {
            let path =
                |b| borrowed[0].path_of_batch(b).map_err(|error| in_path(b, &value_error(&error)));
            (0..borrowed[0].count()).map(path).collect::<PyResult<Vec<_>>>()?
        }
        None => {
            let paths = borrowed.iter().enumerate();
            paths
                .map(|(b, one)| one.path().map_err(|error| in_path(b, &error)))
                .collect::<PyResult<Vec<_>>>()?
        }
    };
    let norms = py.detach(|| {
        let interrupt = Interrupt::new();
        let solve = |solver: &mut Solver, b: usize, proceed: &dyn Fn() -> bool| {
            with_path!(views[b], path => solver.profile(&path, &exponents, metric, proceed))
        };
        run(views.len(), threads, &solve, &|| interrupt.proceed())
            .map_err(|error| interrupt.exception(&error))
    })?;
    let flat = norms.concat().into_pyarray(py);
    if scalar.is_some() {
        return Ok(flat.into_any());
    }
    let table = flat.reshape([views.len(), exponents.len()])?;
    Ok(table.into_any())
}

fn each_path<'py>(paths: &Bound<'py, PyAny>) -> PyResult<Vec<Borrowed<'py>>> {
    let one = |(b, path): (usize, PyResult<Bound<'py, PyAny>>)| {
        Borrowed::new(&path?, &[1, 2]).map_err(|error| in_path(b, &error))
    };
    paths.try_iter()?.enumerate().map(one).collect()
}

/// The same kind of exception, with the number of the path in front.
fn in_path(index: usize, error: &PyErr) -> PyErr {
    Python::attach(|py| {
        let message = format!("path {index}: {}", error.value(py));
        PyErr::from_type(error.get_type(py), message)
    })
}
