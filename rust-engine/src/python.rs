//! The Python module `resdepth._kernels`: registrations only.

use pyo3::prelude::*;

use crate::dispatch::Isa;

/// Name of the instruction set that the kernels use on this machine.
#[pyfunction]
fn instruction_set() -> &'static str {
    Isa::detect().name()
}

/// The compiled CPU kernels of resdepth.
#[pymodule]
mod _kernels {
    #[pymodule_export]
    use super::instruction_set;
}
