//! The module's functions.

use std::cell::RefCell;

use numpy::{IntoPyArray, PyArray1};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use super::input::{AnyPath, Borrowed, metric, with_path};
use super::interrupt::Interrupt;
use crate::error::Error;
use crate::metric::Metric;
use crate::simd::Level;
use crate::variation::{Solution, Solver};

/// Name of the instruction set in use.
#[pyfunction]
pub(super) fn instruction_set() -> &'static str {
    Level::detect().name()
}

thread_local! {
    static SOLVER: RefCell<Solver> = RefCell::new(Solver::new());
}

/// Runs `work` without the interpreter lock, on this thread's solver.
pub(super) fn detached<R: Send>(
    py: Python<'_>,
    work: impl Send + FnOnce(&mut Solver, &dyn Fn() -> bool) -> Result<R, Error>,
) -> PyResult<R> {
    py.detach(|| {
        SOLVER.with_borrow_mut(|solver| {
            let interrupt = Interrupt::new();
            work(solver, &|| interrupt.proceed()).map_err(|error| interrupt.exception(&error))
        })
    })
}

pub(super) fn solve(
    py: Python<'_>,
    path: AnyPath<'_>,
    p: f64,
    metric: Metric,
) -> PyResult<Solution> {
    detached(
        py,
        |solver, proceed| with_path!(path, path => solver.solve(&path, p, metric, proceed)),
    )
}

/// A number, or the number with the partition as an array of indices.
pub(super) fn answer<'py>(
    py: Python<'py>,
    number: f64,
    partition: Option<Vec<usize>>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(partition) = partition else { return number.into_bound_py_any(py) };
    let indices: Vec<isize> = partition.into_iter().map(|i| i as isize).collect();
    (number, indices.into_pyarray(py)).into_bound_py_any(py)
}

/// The p-variation V_p of a path: the largest sum of p-th powers of distances, over all partitions.
///
/// `path` has shape (n, d), or (n,) for a path in R; `p` is at least 1, `metric` one of "euclidean",
/// "manhattan" and "chebyshev". The value is in units of distance to the power p; with
/// `return_partition` the indices of a maximising partition follow it. See `p_variation_norm` for
/// its p-th root.
///
/// Raises `ValueError` for an exponent below 1, an unknown metric, and a path that is empty, not
/// finite, masked or of numbers that no double holds, `TypeError` for what is no array of numbers.
/// Source: the recursion V_j = max V_i + d(i, j)^p of Butkus and Norvaisa (2018), pruned.
#[pyfunction]
#[pyo3(signature = (path, p, *, metric="euclidean", return_partition=false))]
pub(super) fn p_variation<'py>(
    path: &Bound<'py, PyAny>,
    p: f64,
    metric: &str,
    return_partition: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let metric = self::metric(metric)?;
    let borrowed = Borrowed::new(path, &[1, 2])?;
    let solution = solve(path.py(), borrowed.path()?, p, metric)?;
    answer(path.py(), solution.value, return_partition.then_some(solution.partition))
}

/// The p-variation norm V_p^(1/p) of a path, in units of distance.
///
/// Arguments and errors are those of `p_variation`; where V_p itself overflows or underflows the
/// norm does not.
#[pyfunction]
#[pyo3(signature = (path, p, *, metric="euclidean", return_partition=false))]
pub(super) fn p_variation_norm<'py>(
    path: &Bound<'py, PyAny>,
    p: f64,
    metric: &str,
    return_partition: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let metric = self::metric(metric)?;
    let borrowed = Borrowed::new(path, &[1, 2])?;
    let solution = solve(path.py(), borrowed.path()?, p, metric)?;
    answer(path.py(), solution.norm, return_partition.then_some(solution.partition))
}

/// The p-variation V_p, in the spelling of the older package of this kind: see `p_variation`.
#[pyfunction]
#[pyo3(signature = (path, p, dist="euclidean"))]
pub(super) fn p_var(path: &Bound<'_, PyAny>, p: f64, dist: &str) -> PyResult<f64> {
    let metric = metric(dist)?;
    let borrowed = Borrowed::new(path, &[1, 2])?;
    Ok(solve(path.py(), borrowed.path()?, p, metric)?.value)
}

/// The norms V_p^(1/p) of a path for several exponents, in one pass: shape (len(ps),).
///
/// Arguments and errors are those of `p_variation`.
#[pyfunction]
#[pyo3(signature = (path, ps, *, metric="euclidean"))]
pub(super) fn profile<'py>(
    path: &Bound<'py, PyAny>,
    ps: &Bound<'py, PyAny>,
    metric: &str,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let metric = self::metric(metric)?;
    let exponents = exponents(ps)?;
    let borrowed = Borrowed::new(path, &[1, 2])?;
    let path_view = borrowed.path()?;
    let norms = detached(
        path.py(),
        |solver, proceed| with_path!(path_view, view => solver.profile(&view, &exponents, metric, proceed)),
    )?;
    Ok(norms.into_pyarray(path.py()))
}

/// V_j for every j: the p-variation of the path's first j + 1 points, shape (n,).
///
/// Arguments and errors are those of `p_variation`.
#[pyfunction]
#[pyo3(signature = (path, p, *, metric="euclidean"))]
pub(super) fn prefix<'py>(
    path: &Bound<'py, PyAny>,
    p: f64,
    metric: &str,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let metric = self::metric(metric)?;
    let borrowed = Borrowed::new(path, &[1, 2])?;
    let view = borrowed.path()?;
    let values = detached(
        path.py(),
        |solver, proceed| with_path!(view, view => solver.prefix(&view, p, metric, proceed)),
    )?;
    Ok(values.into_pyarray(path.py()))
}

/// A sequence of exponents.
pub(super) fn exponents(ps: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    ps.try_iter()?.map(|p| p?.extract::<f64>()).collect()
}

/// (exponent, standard error, number of lags); see `pvar.critical_exponent`.
#[pyfunction]
#[pyo3(signature = (path, shortest, longest))]
pub(super) fn critical_exponent(
    path: &Bound<'_, PyAny>,
    shortest: usize,
    longest: Option<usize>,
) -> PyResult<(f64, f64, usize)> {
    let borrowed = Borrowed::new(path, &[1, 2])?;
    let view = borrowed.path()?;
    let estimate = path
        .py()
        .detach(|| with_path!(view, view => crate::critical_exponent(&view, shortest, longest)));
    let estimate = estimate.map_err(|error| super::interrupt::value_error(&error))?;
    Ok((estimate.exponent, estimate.standard_error, estimate.lags))
}
