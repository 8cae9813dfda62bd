//! Joining: the middle two of four successive extrema go where the outer edge is worth the three
//! between them.
//!
//! A window that may be joined stays so when its outer edges grow, which is all that joining its
//! neighbours does to it. So all windows of a path are tried at once, with vectors and without a
//! branch, and again for what is left while that removes a fair part of it. (A few that could still
//! go then cost the recursion less than finding them would.)

use super::piece::Piece;
use crate::power::{Power, SKETCH_ERROR};
use crate::simd::Vector;

/// Edges looked at together.
const CHUNK: usize = 256;
/// A pass that removes less than one point in so many is the last.
const PAYS: usize = 16;
/// Beyond this exponent the powers of 2 decide: what may be joined for one, may for every larger.
const STEEP: f64 = 32.0;

impl Piece {
    /// Joins most windows that may be joined, and measures the edges that are left.
    #[inline(always)]
    pub(super) fn join<V: Vector>(&mut self, power: Power) {
        let Self { points, indices, edges, gone } = self;
        let rough = if power.exponent() > STEEP { Power::new(2.0) } else { power };
        loop {
            let len = points.len();
            if len < 4 {
                break;
            }
            mark(points, rough, gone);
            let kept = V::compact(points, indices, &gone[..len]);
            points.truncate(kept);
            indices.truncate(kept);
            if PAYS * (len - kept) < len {
                break;
            }
        }
        edges.clear();
        edges.push(0.0);
        edges.extend(points.windows(2).map(|pair| (pair[1] - pair[0]).abs()));
        power.of_all(&mut edges[1..]);
    }
}

/// Marks both ends of every edge that is the middle of a window to be joined.
#[inline(always)]
fn mark(points: &[f64], power: Power, gone: &mut Vec<u8>) {
    // Edge k leads from point k to point k + 1; neither the first nor the last can be a middle.
    let middles = points.len() - 3;
    if gone.len() < points.len() {
        gone.resize(points.len(), 0);
    }
    let (mut edge, mut worth) = ([0.0_f64; CHUNK + 2], [0.0_f64; CHUNK + 2]);
    let mut outer = [0.0_f64; CHUNK];
    // Whether the edge before each point goes; first that before the chunk.
    let mut before = [0_u8; CHUNK + 1];
    gone[0] = 0;
    for start in (0..middles).step_by(CHUNK) {
        let len = (middles - start).min(CHUNK);
        let here = &points[start..start + len + 3];
        for k in 0..len + 2 {
            edge[k] = (here[k + 1] - here[k]).abs();
            worth[k] = edge[k];
        }
        for k in 0..len {
            outer[k] = (here[k + 3] - here[k]).abs();
        }
        power.sketch_all(&mut worth[..len + 2]);
        power.sketch_all(&mut outer[..len]);
        for k in 0..len {
            let sum = worth[k] + worth[k + 1] + worth[k + 2];
            let short = (edge[k + 1] < edge[k]) & (edge[k + 1] < edge[k + 2]);
            let joined = outer[k] * (1.0 - 4.0 * SKETCH_ERROR) > sum;
            before[k + 1] = u8::from(short & joined);
        }
        let out = &mut gone[start + 1..start + 1 + len];
        for k in 0..len {
            out[k] = before[k] | before[k + 1];
        }
        before[0] = before[len];
    }
    gone[middles + 1] = before[0];
    gone[middles + 2] = 0;
}
