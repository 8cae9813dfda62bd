//! The recursion over what joining leaves.

use super::{FIRST, LineSolver, Node};
use crate::error::Error;
use crate::power::Power;

impl LineSolver {
    pub(super) fn recursion(
        &mut self,
        power: Power,
        proceed: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let up = self.points[1] > self.points[0];
        self.nodes.clear();
        // What surpasses everything, in place of the point before the first of either kind.
        let beyond = if up { [f64::INFINITY; 2] } else { [f64::NEG_INFINITY; 2] };
        self.nodes.push(Node { x: -beyond[0], ..Node::default() });
        self.nodes.push(Node { x: beyond[1], ..Node::default() });
        let x = self.points[0];
        self.nodes.push(Node { x, opposite: x, ..Node::default() });
        let mut rises = up;
        for j in 1..self.points.len() {
            if j % 4096 == 0 && !proceed() {
                return Err(Error::Interrupted);
            }
            let (x, edge) = (self.points[j], self.edges[j]);
            let node = if rises {
                next::<true>(&self.nodes, x, edge, power)
            } else {
                next::<false>(&self.nodes, x, edge, power)
            };
            self.nodes.push(node);
            rises = !rises;
        }
        Ok(())
    }
}

/// The node after those given, a maximum if `UP`; `edge` is the power of the step to it.
#[inline(always)]
fn next<const UP: bool>(nodes: &[Node], x: f64, edge: f64, power: Power) -> Node {
    let last = nodes.len() - 1;
    let before = nodes[last];
    // What surpasses x, and the strongest opposite extremum since.
    let mut surpassed = last - 1;
    let mut opposite = before.x;
    loop {
        let node = &nodes[surpassed];
        if if UP { node.x >= x } else { node.x <= x } {
            break;
        }
        let stronger = if UP { node.opposite < opposite } else { node.opposite > opposite };
        opposite = if stronger { node.opposite } else { opposite };
        surpassed = node.surpassed as usize;
    }
    let mut source = last;
    let mut value = before.value + edge;
    // Nothing that surpasses x may lie between it and a source.
    let end = surpassed.max(FIRST - 1);
    let mut at = before.surpassed as usize;
    if at > end {
        let step = Step::new((x - before.x).abs(), edge, power);
        let farthest = step.bound((x - opposite).abs());
        while at > end {
            let node = &nodes[at];
            if node.value + farthest <= value {
                break;
            }
            let distance = (x - node.x).abs();
            if node.value + step.bound(distance) > value {
                let candidate = node.value + power.of_scaled(distance);
                if candidate > value {
                    (source, value) = (at, candidate);
                }
            }
            at = node.surpassed as usize;
        }
    }
    Node { x, value, opposite, surpassed: surpassed as u32, source: source as u32 }
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
