//! Exact p-variation of discrete paths, fast.
//!
//! For a path x_0, ..., x_n in R^d the p-variation is
//!
//! ```text
//! V_p = max over 0 = t_0 < t_1 < ... < t_k = n of the sum of d(x_t_i, x_t_i+1)^p,
//! ```
//!
//! and V_p^(1/p) its norm. [`Solver`] computes value, norm and a maximising partition, for one
//! exponent or several in one pass.
//!
//! ```
//! use pvar::{Metric, PathView, Solver};
//!
//! let corners = [0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0];
//! let path = PathView::new(&corners, 4, 2)?;
//! let solution = Solver::new().solve(&path, 2.0, Metric::Euclidean, &|| true)?;
//! assert_eq!(solution.value, 3.0);
//! assert_eq!(solution.partition, [0, 1, 2, 3]);
//! # Ok::<(), pvar::Error>(())
//! ```
//!
//! How: V_j = max over i < j of V_i + d(i, j)^p. In Euclidean space of eight dimensions or more
//! [`euclid`] finds the few i that can attain the maximum; [`line`] has its own way in R, and
//! [`radius`] serves every other metric of R^d. Of points in any other space [`Distances`] needs
//! nothing but their distances.

pub mod batch;
pub mod chain;
pub mod critical;
pub mod distances;
pub mod error;
pub mod euclid;
mod evaluate;
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
pub use distances::{Distances, Gatherer, distances_from_gram};
pub use error::Error;
pub use metric::Metric;
pub use path::PathView;
pub use prepared::Prepared;
pub use variation::{Solution, Solver};
