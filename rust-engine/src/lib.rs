//! CPU kernels of resdepth: a tile of samples goes through all layers of a residual network,
//! forward and back, while it sits in the cache.
//!
//! The modules know nothing of Python except `python`, which registers them.
#![deny(missing_docs)]

mod dispatch;
#[cfg(feature = "python")]
mod python;

pub use dispatch::Isa;
