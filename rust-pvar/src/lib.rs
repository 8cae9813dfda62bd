//! Exact p-variation of discrete paths.

pub mod batch;
pub mod chain;
pub mod error;
pub mod euclid;
pub mod metric;
pub mod path;
pub mod power;
#[cfg(feature = "python")]
mod python;
pub mod radius;
pub mod scale;
pub mod simd;
pub mod sum;
pub mod variation;

pub use error::Error;
pub use metric::Metric;
pub use path::PathView;
pub use variation::{Solution, Solver};
