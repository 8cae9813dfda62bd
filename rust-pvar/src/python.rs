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
        critical_exponent, p_var, p_variation, p_variation_norm, prefix, profile,
    };
    #[pymodule_export]
    use super::handle::Path;
}
