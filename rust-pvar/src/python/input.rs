//! Arrays borrowed from Python; anything else goes through `pvar._arrays` first.

use numpy::{
    PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::interrupt::value_error;
use crate::error::Error;
use crate::metric::Metric;
use crate::path::PathView;

/// A borrowed path in either precision.
#[derive(Clone, Copy)]
pub(super) enum AnyPath<'a> {
    Double(PathView<'a, f64>),
    Single(PathView<'a, f32>),
}

/// Runs the same expression for both precisions.
macro_rules! with_path {
    ($any:expr, $path:ident => $body:expr) => {
        match $any {
            $crate::python::input::AnyPath::Double($path) => $body,
            $crate::python::input::AnyPath::Single($path) => $body,
        }
    };
}
pub(super) use with_path;

/// Runs the same expression for the numbers of an array of either precision.
macro_rules! with_slice {
    ($borrowed:expr, $data:ident => $body:expr) => {
        match &$borrowed {
            $crate::python::input::Borrowed::Double(array) => {
                let $data = array.as_slice()?;
                $body
            }
            $crate::python::input::Borrowed::Single(array) => {
                let $data = array.as_slice()?;
                $body
            }
        }
    };
}
pub(super) use with_slice;

/// A contiguous array of one precision, kept alive and unchanged while borrowed.
pub(super) enum Borrowed<'py> {
    Double(PyReadonlyArrayDyn<'py, f64>),
    Single(PyReadonlyArrayDyn<'py, f32>),
}

impl<'py> Borrowed<'py> {
    /// The array behind `object`: itself where it is a contiguous array of floats, else a copy.
    pub(super) fn new(object: &Bound<'py, PyAny>, dimensions: &[usize]) -> PyResult<Self> {
        if let Some(borrowed) = Self::direct(object, dimensions)? {
            return Ok(borrowed);
        }
        let name = if dimensions.contains(&3) { "as_floats" } else { "as_path" };
        Self::converted(object, name, dimensions)
    }

    /// The square matrix behind `object`.
    pub(super) fn matrix(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Some(borrowed) = Self::direct(object, &[2])?
            && borrowed.shape()[0] == borrowed.shape()[1]
        {
            return Ok(borrowed);
        }
        Self::converted(object, "as_matrix", &[2])
    }

    fn converted(object: &Bound<'py, PyAny>, name: &str, dimensions: &[usize]) -> PyResult<Self> {
        let converted = object.py().import("pvar._arrays")?.getattr(name)?.call1((object,))?;
        let array = Self::direct(&converted, dimensions)?;
        array.ok_or_else(|| PyValueError::new_err("the path cannot be read as an array"))
    }

    fn direct(object: &Bound<'py, PyAny>, dimensions: &[usize]) -> PyResult<Option<Self>> {
        if !object.is_exact_instance_of::<PyUntypedArray>() {
            return Ok(None); // a subclass may hide entries behind a mask
        }
        if let Ok(array) = object.cast::<PyArrayDyn<f64>>() {
            if array.is_c_contiguous() && dimensions.contains(&array.ndim()) {
                return Ok(Some(Self::Double(array.try_readonly()?)));
            }
        } else if let Ok(array) = object.cast::<PyArrayDyn<f32>>()
            && array.is_c_contiguous()
            && dimensions.contains(&array.ndim())
        {
            return Ok(Some(Self::Single(array.try_readonly()?)));
        }
        Ok(None)
    }

    fn shape(&self) -> &[usize] {
        match self {
            Self::Double(array) => array.shape(),
            Self::Single(array) => array.shape(),
        }
    }

    /// The array as one path of shape (n, d) or (n,).
    pub(super) fn path(&self) -> PyResult<AnyPath<'_>> {
        let (len, dim) = match *self.shape() {
            [len] => (len, 1),
            [len, dim] => (len, dim),
            _ => return Err(PyValueError::new_err("a path has shape (n, d) or (n,)")),
        };
        self.part(0, len, dim).map_err(|error| value_error(&error))
    }

    /// Length of the first dimension: the number of paths in an array of shape (B, n, d).
    pub(super) fn count(&self) -> usize {
        self.shape()[0]
    }

    /// Path `index` of an array of shape (B, n, d).
    pub(super) fn path_of_batch(&self, index: usize) -> Result<AnyPath<'_>, Error> {
        self.part(index, self.shape()[1], self.shape()[2])
    }

    fn part(&self, index: usize, len: usize, dim: usize) -> Result<AnyPath<'_>, Error> {
        let range = index * len * dim..(index + 1) * len * dim;
        Ok(match self {
            Self::Double(array) => {
                let data = array.as_slice().map_err(|_| Error::Empty)?;
                AnyPath::Double(PathView::new(&data[range], len, dim)?)
            }
            Self::Single(array) => {
                let data = array.as_slice().map_err(|_| Error::Empty)?;
                AnyPath::Single(PathView::new(&data[range], len, dim)?)
            }
        })
    }
}

/// The metric called `name`.
pub(super) fn metric(name: &str) -> PyResult<Metric> {
    Metric::from_name(name).ok_or_else(|| {
        let known = Metric::ALL.map(Metric::name).join(", ");
        PyValueError::new_err(format!("unknown metric {name:?}; choose from {known}"))
    })
}
