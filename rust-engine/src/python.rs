//! The Python module `resdepth._kernels`: registrations and the way from numpy to slices.

use std::sync::{Mutex, PoisonError};

use numpy::{
    Element as NumpyElement, IntoPyArray, PyArray1, PyArrayDescrMethods, PyReadonlyArrayDyn,
    PyReadwriteArrayDyn, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::{
    Activation, Augmentation, Element, Engine as Core, Error, Evaluation, Isa, Outputs, Problem,
    Question, Shape, Targets,
};

type Evaluated<'py> = (
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<i64>>,
);

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        PyValueError::new_err(error.to_string())
    }
}

/// Name of the instruction set that the kernels use on this machine.
#[pyfunction]
fn instruction_set() -> &'static str {
    Isa::detect().name()
}

/// Threads and memory of the kernels, both kept from call to call.
///
/// Arrays are C-contiguous numpy arrays of one floating type (float32 or float64), borrowed and
/// never copied: blocks (R, L, d, d), h0 (N, d) or (R, N, d), readout (o, d) or (R, o, d), targets
/// (N,) or (R, N), prediction (R, N, o), gradient (R, L, d, d).
#[pyclass(module = "resdepth._kernels", frozen)]
struct Engine {
    single: Mutex<Core<f32>>,
    double: Mutex<Core<f64>>,
}

/// The options of a call that are no arrays.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Options {
    activation: String,
    augmentation: String,
    delta: f64,
    loss_p: Option<f64>,
}

fn named<T: Copy>(kind: &str, name: &str, names: &[(&str, T)]) -> PyResult<T> {
    let found = names.iter().find(|(known, _)| *known == name);
    found.map(|&(_, value)| value).ok_or_else(|| {
        let known: Vec<&str> = names.iter().map(|&(known, _)| known).collect();
        PyValueError::new_err(format!("{kind}: {name:?} is none of {}", known.join(", ")))
    })
}

/// The arrays that every call reads.
struct Inputs<'py, T: NumpyElement> {
    h0: PyReadonlyArrayDyn<'py, T>,
    blocks: PyReadonlyArrayDyn<'py, T>,
    readout: PyReadonlyArrayDyn<'py, T>,
}

impl<'py, T: NumpyElement + Element> Inputs<'py, T> {
    fn problem(&self, options: &Options) -> PyResult<Problem<'_, T>> {
        let &[replicas, depth, width, columns] = self.blocks.shape() else {
            return Err(PyValueError::new_err(
                "blocks: must have the axes (R, L, d, d)",
            ));
        };
        let (h0, readout) = (self.h0.shape(), self.readout.shape());
        if h0.len() < 2 || readout.len() < 2 || columns != width {
            let reason = "h0 needs the axes (.., N, d), readout (.., o, d), blocks (R, L, d, d)";
            return Err(PyValueError::new_err(reason));
        }
        let shape = Shape {
            replicas,
            samples: h0[h0.len() - 2],
            depth,
            width,
            outputs: readout[readout.len() - 2],
        };
        Ok(Problem {
            shape,
            activation: named("activation", &options.activation, &Activation::NAMES)?,
            augmentation: named("augmentation", &options.augmentation, &Augmentation::NAMES)?,
            delta: T::from_f64(options.delta),
            h0: self.h0.as_slice()?,
            blocks: self.blocks.as_slice()?,
            readout: self.readout.as_slice()?,
        })
    }
}

fn extract<'py, T: NumpyElement>(
    array: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArrayDyn<'py, T>> {
    array.extract::<PyReadonlyArrayDyn<'py, T>>()
}

fn inputs<'py, T: NumpyElement>(
    h0: &Bound<'py, PyAny>,
    blocks: &Bound<'py, PyAny>,
    readout: &Bound<'py, PyAny>,
) -> PyResult<Inputs<'py, T>> {
    Ok(Inputs {
        h0: extract(h0)?,
        blocks: extract(blocks)?,
        readout: extract(readout)?,
    })
}

fn is_double(blocks: &Bound<'_, PyAny>) -> PyResult<bool> {
    let array = blocks.cast::<PyUntypedArray>()?;
    match array.dtype().typeobj().name()?.to_str()? {
        "float32" => Ok(false),
        "float64" => Ok(true),
        other => Err(PyTypeError::new_err(format!(
            "blocks: must be float32 or float64, not {other}"
        ))),
    }
}

fn run_predict<'py, T: NumpyElement + Element>(
    py: Python<'py>,
    core: &Mutex<Core<T>>,
    inputs: &Inputs<'py, T>,
    prediction: &Bound<'py, PyAny>,
    options: &Options,
) -> PyResult<()> {
    let problem = inputs.problem(options)?;
    let mut prediction = prediction.extract::<PyReadwriteArrayDyn<'py, T>>()?;
    let to = prediction.as_slice_mut()?;
    py.detach(|| {
        core.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .predict(&problem, to)
    })?;
    Ok(())
}

/// Targets as Python gives them: class indices, or real numbers and the exponent of their loss.
enum AnyTargets<'py, T: NumpyElement> {
    Classes(PyReadonlyArrayDyn<'py, i64>),
    Values(PyReadonlyArrayDyn<'py, T>, f64),
}

impl<'py, T: NumpyElement> AnyTargets<'py, T> {
    fn of(targets: &Bound<'py, PyAny>, options: &Options) -> PyResult<Self> {
        match options.loss_p {
            Some(p) => Ok(Self::Values(extract(targets)?, p)),
            None => Ok(Self::Classes(extract(targets)?)),
        }
    }

    fn as_slice(&self) -> PyResult<Targets<'_, T>> {
        match self {
            Self::Classes(classes) => Ok(Targets::Classes(classes.as_slice()?)),
            Self::Values(values, p) => Ok(Targets::Values(values.as_slice()?, *p)),
        }
    }
}

/// Products of the Hessian with directions where there are some, else the traces of its blocks.
fn run_curvature<'py, T: NumpyElement + Element>(
    py: Python<'py>,
    core: &Mutex<Core<T>>,
    inputs: &Inputs<'py, T>,
    targets: &Bound<'py, PyAny>,
    (options, gauss_newton): (&Options, bool),
    products: Option<(&Bound<'py, PyAny>, &Bound<'py, PyAny>)>,
) -> PyResult<Vec<f64>> {
    let problem = inputs.problem(options)?;
    let targets = AnyTargets::of(targets, options)?;
    let question = Question {
        targets: targets.as_slice()?,
        gauss_newton,
    };
    let lock = || core.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((directions, to)) = products else {
        return Ok(py.detach(|| lock().traces(&problem, question))?);
    };
    let directions = extract::<T>(directions)?;
    let mut to = to.extract::<PyReadwriteArrayDyn<'py, T>>()?;
    let (directions, to) = (directions.as_slice()?, to.as_slice_mut()?);
    py.detach(|| lock().products(&problem, question, directions, to))?;
    Ok(Vec::new())
}

fn run_evaluate<'py, T: NumpyElement + Element>(
    py: Python<'py>,
    core: &Mutex<Core<T>>,
    inputs: &Inputs<'py, T>,
    targets: &Bound<'py, PyAny>,
    (prediction, gradient): (Option<&Bound<'py, PyAny>>, Option<&Bound<'py, PyAny>>),
    options: &Options,
) -> PyResult<Vec<Evaluation>> {
    let problem = inputs.problem(options)?;
    let targets = AnyTargets::of(targets, options)?;
    let targets = targets.as_slice()?;
    let writable = |array: Option<&Bound<'py, PyAny>>| {
        array
            .map(|array| array.extract::<PyReadwriteArrayDyn<'py, T>>())
            .transpose()
    };
    let (mut prediction, mut gradient) = (writable(prediction)?, writable(gradient)?);
    let outputs = Outputs {
        prediction: prediction
            .as_mut()
            .map(|array| array.as_slice_mut())
            .transpose()?,
        gradient: gradient
            .as_mut()
            .map(|array| array.as_slice_mut())
            .transpose()?,
    };
    let done = py.detach(|| {
        core.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .evaluate(&problem, targets, outputs)
    })?;
    Ok(done)
}

#[pymethods]
impl Engine {
    /// An engine with `threads` threads, on the named instruction set or this machine's best.
    #[new]
    #[pyo3(signature = (threads, instruction_set=None))]
    fn new(threads: usize, instruction_set: Option<&str>) -> PyResult<Self> {
        let isa = match instruction_set {
            None => Isa::detect(),
            Some(name) => named("instruction_set", name, &Isa::NAMES)?,
        };
        if !isa.available() {
            let reason = format!("instruction_set: this machine has no {}", isa.name());
            return Err(PyValueError::new_err(reason));
        }
        let pool = crate::Pool::new(threads)?;
        Ok(Self {
            single: Mutex::new(Core::new(pool.clone(), isa)),
            double: Mutex::new(Core::new(pool, isa)),
        })
    }

    /// Writes h_L U_out^T into `prediction`.
    fn predict<'py>(
        &self,
        py: Python<'py>,
        h0: &Bound<'py, PyAny>,
        blocks: &Bound<'py, PyAny>,
        readout: &Bound<'py, PyAny>,
        prediction: &Bound<'py, PyAny>,
        options: Options,
    ) -> PyResult<()> {
        match is_double(blocks)? {
            false => run_predict(
                py,
                &self.single,
                &inputs(h0, blocks, readout)?,
                prediction,
                &options,
            ),
            true => run_predict(
                py,
                &self.double,
                &inputs(h0, blocks, readout)?,
                prediction,
                &options,
            ),
        }
    }

    /// Loss (R,), Omega (R,) and class counts (R * 3 * o, flat; empty in a regression).
    ///
    /// `options` holds activation, augmentation, delta and loss_p (None: cross-entropy). Writes
    /// the predictions, and the gradients of the mean losses, where arrays are given for them.
    #[pyo3(signature = (h0, blocks, readout, targets, options, prediction=None, gradient=None))]
    #[allow(clippy::too_many_arguments)]
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        h0: &Bound<'py, PyAny>,
        blocks: &Bound<'py, PyAny>,
        readout: &Bound<'py, PyAny>,
        targets: &Bound<'py, PyAny>,
        options: Options,
        prediction: Option<&Bound<'py, PyAny>>,
        gradient: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Evaluated<'py>> {
        let to = (prediction, gradient);
        let done = match is_double(blocks)? {
            false => {
                let inputs = inputs(h0, blocks, readout)?;
                run_evaluate(py, &self.single, &inputs, targets, to, &options)?
            }
            true => {
                let inputs = inputs(h0, blocks, readout)?;
                run_evaluate(py, &self.double, &inputs, targets, to, &options)?
            }
        };
        let loss: Vec<f64> = done.iter().map(|one| one.loss).collect();
        let omega: Vec<f64> = done.iter().map(|one| one.omega).collect();
        let counts: Vec<i64> = done.into_iter().flat_map(|one| one.counts).collect();
        Ok((
            loss.into_pyarray(py),
            omega.into_pyarray(py),
            counts.into_pyarray(py),
        ))
    }

    /// Writes the Hessian of the mean loss, or the Gauss-Newton matrix, times each of the directions
    /// (R, L, d, d) into `products`; blocks are (1, L, d, d).
    #[allow(clippy::too_many_arguments)]
    fn products<'py>(
        &self,
        py: Python<'py>,
        h0: &Bound<'py, PyAny>,
        blocks: &Bound<'py, PyAny>,
        readout: &Bound<'py, PyAny>,
        targets: &Bound<'py, PyAny>,
        options: Options,
        gauss_newton: bool,
        directions: &Bound<'py, PyAny>,
        products: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        let (options, to) = ((&options, gauss_newton), Some((directions, products)));
        match is_double(blocks)? {
            false => {
                let inputs = inputs(h0, blocks, readout)?;
                run_curvature(py, &self.single, &inputs, targets, options, to)?
            }
            true => {
                let inputs = inputs(h0, blocks, readout)?;
                run_curvature(py, &self.double, &inputs, targets, options, to)?
            }
        };
        Ok(())
    }

    /// The exact traces (L,) of the diagonal blocks of either matrix; blocks are (1, L, d, d).
    #[allow(clippy::too_many_arguments)]
    fn traces<'py>(
        &self,
        py: Python<'py>,
        h0: &Bound<'py, PyAny>,
        blocks: &Bound<'py, PyAny>,
        readout: &Bound<'py, PyAny>,
        targets: &Bound<'py, PyAny>,
        options: Options,
        gauss_newton: bool,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let options = (&options, gauss_newton);
        let traces = match is_double(blocks)? {
            false => {
                let inputs = inputs(h0, blocks, readout)?;
                run_curvature(py, &self.single, &inputs, targets, options, None)?
            }
            true => {
                let inputs = inputs(h0, blocks, readout)?;
                run_curvature(py, &self.double, &inputs, targets, options, None)?
            }
        };
        Ok(traces.into_pyarray(py))
    }
}

/// The compiled CPU kernels of resdepth.
#[pymodule]
mod _kernels {
    #[pymodule_export]
    use super::{Engine, instruction_set};
}
