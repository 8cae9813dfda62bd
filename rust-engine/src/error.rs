//! What is wrong with a call.

use std::fmt;

/// Why a call cannot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// An array has another number of elements than the sizes ask for.
    Length {
        /// The array.
        array: &'static str,
        /// Its number of elements.
        found: usize,
        /// What the sizes ask for.
        expected: String,
    },
    /// A size is zero.
    Empty(&'static str),
    /// A class index is negative or no class.
    Class {
        /// The target.
        target: i64,
        /// Its place.
        sample: usize,
        /// The number of classes.
        classes: usize,
    },
    /// Second derivatives of several networks at once.
    Replicas(usize),
    /// Real targets for several outputs.
    Outputs(usize),
    /// No threads, or none to be had.
    Threads(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length {
                array,
                found,
                expected,
            } => {
                write!(f, "{array}: has {found} elements, expected {expected}")
            }
            Self::Empty(size) => write!(f, "{size}: must be at least 1"),
            Self::Class {
                target,
                sample,
                classes,
            } => {
                write!(
                    f,
                    "targets: class {target} of sample {sample} is not in 0..{classes}"
                )
            }
            Self::Replicas(replicas) => {
                write!(
                    f,
                    "blocks: second derivatives are those of one network, not of {replicas}"
                )
            }
            Self::Outputs(outputs) => {
                write!(f, "readout: real targets need 1 output, not {outputs}")
            }
            Self::Threads(reason) => write!(f, "threads: {reason}"),
        }
    }
}

impl std::error::Error for Error {}
