//! CPU kernels of resdepth: a tile of samples goes through all layers of a residual network,
//! forward and back, while it sits in the cache.
//!
//! The modules know nothing of Python except `python`, which registers them.
#![deny(missing_docs)]

mod assemble;
mod buffer;
mod call;
mod curvature;
mod curve;
mod dispatch;
mod element;
mod engine;
mod error;
mod gather;
mod layer;
mod loss;
mod math;
mod memory;
mod network;
mod outer;
mod outputs;
mod plan;
mod pool;
mod product;
#[cfg(feature = "python")]
mod python;
mod sandwich;
mod simd;
mod table;
mod tile;

pub use dispatch::Isa;
pub use element::Element;
pub use engine::Engine;
pub use error::Error;
pub use network::{Activation, Augmentation, Problem, Question, Shape, Targets};
pub use outputs::{Evaluation, Outputs};
pub use pool::Pool;
pub use table::Tables;
