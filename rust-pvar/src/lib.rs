//! Exact p-variation of discrete paths.

pub mod batch;
pub mod chain;
pub mod critical;
pub mod error;
pub mod euclid;
pub mod line;
pub mod metric;
pub mod path;
pub mod power;
pub mod prepared;
#[cfg(feature = "python")]
mod python;
pub mod radius;
pub mod scale;
pub mod simd;
mod space;
pub mod sum;
pub mod variation;

pub use critical::{CriticalExponent, critical_exponent};
pub use error::Error;
pub use metric::Metric;
pub use path::PathView;
pub use prepared::Prepared;
pub use variation::{Solution, Solver};
