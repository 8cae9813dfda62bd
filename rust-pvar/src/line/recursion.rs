//! The recursion over what joining leaves.
//!
//! For a maximum j only those earlier maxima count that nothing has surpassed since, and likewise
//! minima: each kind forms a stack, which j pops until it meets the extremum that surpasses it.
//! Sources of j lie on the other kind's stack.

use super::piece::Piece;
use crate::power::Power;

/// The stacks, and what is needed to go back along the best partition.
#[derive(Debug, Default)]
pub(super) struct Recursion {
    maxima: Vec<Entry>,
    minima: Vec<Entry>,
    /// Index in the path and source of each point.
    nodes: Vec<Node>,
    last: Entry,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    index: u32,
    source: u32,
}

/// A point on a stack.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    x: f64,
    /// V up to here.
    value: f64,
    /// The strongest extremum of the other kind since the entry below.
    opposite: f64,
    /// One more than the number of its node; zero for the bottom, which surpasses everything.
    number: u32,
}

impl Recursion {
    /// Starts with a path's first point.
    pub(super) fn restart(&mut self, x: f64) {
        self.maxima.clear();
        self.maxima.push(Entry { x: f64::INFINITY, ..Entry::default() });
        self.minima.clear();
        self.minima.push(Entry { x: f64::NEG_INFINITY, ..Entry::default() });
        self.nodes.clear();
        self.nodes.push(Node { index: 0, source: 0 });
        self.last = Entry { x, value: 0.0, opposite: x, number: 1 };
    }

    /// Goes on with the first `ready` points of a piece, which ends where the share `seen` of the
    /// path does; it has the very first already.
    #[inline(always)]
    pub(super) fn extend(&mut self, piece: &Piece, ready: usize, power: Power, seen: f64) {
        let Self { maxima, minima, nodes, last } = self;
        let mut before = *last;
        let steps = piece.points[..ready].iter().zip(&piece.edges).zip(&piece.indices);
        let len = nodes.len() + ready;
        if nodes.capacity() < len {
            // What the rest of the path will need if it is like this, and a little more: this is
            // all that grows with the path.
            nodes.reserve_exact(ready + (len as f64 * (1.0 / seen - 0.97)) as usize);
        }
        for ((&x, &edge), &index) in steps.skip(1) {
            let (entry, source) = if x > before.x {
                minima.push(before);
                next::<true>(maxima, minima, x, edge, power)
            } else {
                maxima.push(before);
                next::<false>(minima, maxima, x, edge, power)
            };
            nodes.push(Node { index, source });
            before = entry;
        }
        *last = before;
    }

    /// The indices of the best partition, first and last point included.
    pub(super) fn partition(&self) -> Vec<usize> {
        let back = |&at: &usize| (at > 0).then(|| self.nodes[at].source as usize);
        let last = self.nodes.len() - 1;
        let edges = std::iter::successors(Some(last), back).count() - 1;
        let mut partition = vec![0; edges + 1];
        let mut at = last;
        for index in partition[1..].iter_mut().rev() {
            let node = self.nodes[at];
            (*index, at) = (node.index as usize, node.source as usize);
        }
        partition
    }
}

/// The entry of the next point, a maximum if `UP`, and its source; `own` is the stack of its kind
/// and `edge` the power of the step from the top of the `other` one.
#[inline(always)]
fn next<const UP: bool>(
    own: &mut Vec<Entry>,
    other: &[Entry],
    x: f64,
    edge: f64,
    power: Power,
) -> (Entry, u32) {
    let (before, others) = other.split_last().expect("a point before");
    let mut opposite = before.x;
    let end = loop {
        let top = own.last().expect("a bottom");
        if if UP { top.x >= x } else { top.x <= x } {
            break top.number;
        }
        let stronger = if UP { top.opposite < opposite } else { top.opposite > opposite };
        opposite = if stronger { top.opposite } else { opposite };
        own.pop();
    };
    let mut source = before.number;
    let mut value = before.value + edge;
    // Nothing that surpasses x may lie between it and a source.
    if others[others.len() - 1].number > end {
        let step = Step::new((x - before.x).abs(), edge, power);
        let farthest = step.bound((x - opposite).abs());
        for entry in others.iter().rev() {
            if entry.number <= end || entry.value + farthest <= value {
                break;
            }
            let distance = (x - entry.x).abs();
            if entry.value + step.bound(distance) > value {
                let candidate = entry.value + power.of_scaled(distance);
                if candidate > value {
                    (source, value) = (entry.number, candidate);
                }
            }
        }
    }
    (Entry { x, value, opposite, number: before.number + 1 }, source - 1)
}

/// Bounds the powers of distances that are no shorter than a step, from the power of the step.
struct Step {
    length: f64,
    inverse: f64,
    worth: f64,
    power: Power,
    second: f64,
    third: f64,
}

impl Step {
    #[inline(always)]
    fn new(length: f64, worth: f64, power: Power) -> Self {
        let p = power.exponent();
        let second = 0.5 * p * (p - 1.0);
        let third = second * (p - 2.0) / 3.0;
        Self { length, inverse: length.recip(), worth, power, second, third: third.max(0.0) }
    }

    /// At least `distance`^p, but for rounding: the binomial series, which p <= 3 ends with terms
    /// that are positive up to here and negative next.
    #[inline(always)]
    fn bound(&self, distance: f64) -> f64 {
        let p = self.power.exponent();
        if p > 3.0 || self.power.is_cheap() {
            return self.power.of_scaled(distance);
        }
        let r = (distance - self.length) * self.inverse;
        self.worth * (1.0 + r * (p + r * (self.second + r * self.third)))
    }
}
