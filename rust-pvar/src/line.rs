//! Paths in R, where order helps.
//!
//! Only local extrema matter, since |a + b|^p >= |a|^p + |b|^p for a, b of one sign. Of four
//! successive extrema the middle two can go as soon as the edge between the outer ones is worth
//! their three edges: any partition using them is improved by leaving them out. (Its neighbours lie
//! beyond the outer ones, and the gain from joining grows with them.) Most of these go in a few
//! passes over all windows at once, the others on a stack. What is left is solved by the recursion,
//! in which a source of j is a strongest extremum on its way back from j, and none beyond the last
//! extremum that surpasses j itself.

mod extrema;
mod recursion;
mod windows;

use crate::error::Error;
use crate::path::Scalar;
use crate::power::Power;
use crate::simd::Level;

/// Memory for the work on one path.
#[derive(Debug, Default)]
pub struct LineSolver {
    /// Extrema, then those left after joining.
    points: Vec<f64>,
    indices: Vec<u32>,
    /// Power of the edge that ends at each point.
    edges: Vec<f64>,
    /// Whether a point goes, in a pass over all windows.
    gone: Vec<u8>,
    /// Point k is node `FIRST` + k.
    nodes: Vec<Node>,
    chain: Vec<u32>,
}

/// Where the nodes of a path start.
const FIRST: usize = 2;

/// A point of the recursion.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    x: f64,
    /// V up to here.
    value: f64,
    /// The strongest extremum of the other kind after `surpassed`.
    opposite: f64,
    /// The last earlier node of the same kind that is at least as strong.
    surpassed: u32,
    source: u32,
}

impl LineSolver {
    /// The indices of a maximising partition of `path`, which has at least two points and is not
    /// constant; `factor` times its differences must be at most 2 and have finite powers.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if `proceed` returns false.
    pub fn solve<T: Scalar>(
        &mut self,
        level: Level,
        path: &[T],
        factor: f64,
        power: Power,
        proceed: &dyn Fn() -> bool,
    ) -> Result<Vec<usize>, Error> {
        self.find_extrema(level, path, factor);
        self.join_windows(level, power);
        if !proceed() {
            return Err(Error::Interrupted);
        }
        self.recursion(power, proceed)?;
        Ok(self.partition())
    }

    fn partition(&mut self) -> Vec<usize> {
        self.chain.clear();
        let mut at = self.nodes.len() - 1;
        while at > FIRST {
            self.chain.push(self.indices[at - FIRST]);
            at = self.nodes[at].source as usize;
        }
        self.chain.push(0);
        self.chain.iter().rev().map(|&i| i as usize).collect()
    }
}
