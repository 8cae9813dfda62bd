//! The Python module `pvar._pvar`: registrations only.

mod batch;
mod distances;
mod functions;
mod handle;
mod input;
mod interrupt;

/// Exact p-variation of discrete paths.
#[pyo3::pymodule]
mod _pvar {
    #[pymodule_export]
    use super::batch::batch;
    #[pymodule_export]
    use super::distances::{
        Gatherer, distances_from_gram, p_variation_from_distances, p_variation_norm_from_distances,
        prefix_from_distances, profile_from_distances,
    };
    #[pymodule_export]
    use super::functions::{
        critical_exponent, instruction_set, p_var, p_variation, p_variation_norm, prefix, profile,
    };
    #[pymodule_export]
    use super::handle::Path;

    use pyo3::prelude::*;

    /// Refuses a `PVAR_INSTRUCTION_SET` that this processor lacks.
    #[pymodule_init]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        match std::env::var("PVAR_INSTRUCTION_SET") {
            Ok(name) if !name.is_empty() && name != instruction_set() => {
                let names: Vec<_> =
                    crate::simd::Level::available().iter().map(|l| l.name()).collect();
                let reason =
                    format!("PVAR_INSTRUCTION_SET={name}: this processor has {}", names.join(", "));
                Err(pyo3::exceptions::PyImportError::new_err(reason))
            }
            _ => Ok(()),
        }
    }
}
