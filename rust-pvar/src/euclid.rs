//! The recursion for Euclidean paths: bounds in single precision, decisions in double.
//!
//! Blocks of 64 targets are finished from left to right, in four steps:
//!
//! 1. Lower bounds L_j <= V_j from the steps, from distances inside the block, and from the last
//!    finished point and its predecessors: tight before anything is searched.
//! 2. Every earlier block is tried by the triangle inequality and then by the four-point bound;
//!    what survives is tried again by leaves of 16 points, and then pair by pair.
//! 3. Pairs whose single-precision upper bound beats L_j become candidates.
//! 4. In order of j, the candidates that beat the best value so far get a distance in double
//!    precision.
//!
//! All margins are rigorous: a source is dropped only if it cannot attain V_j.

pub mod fourpoint;
pub mod kernels;
pub mod lane;
mod leaves;
pub mod mirror;
mod points;
mod search;
mod survey;
mod target;

use crate::error::Error;
use crate::path::Scalar;
use crate::power::Power;
use crate::simd::{Level, Vector, Work};

pub use points::Points;

use lane::{GROUP, Lane};
use mirror::Mirror;
use survey::Survey;
use target::Target;

/// Target blocks before this one are not surveyed: all their sources fit a near cache.
const SURVEYED: usize = 16;

/// Makes the mirror of a path; true if some step's square is zero.
pub fn prepare<T: Scalar>(level: Level, points: Points<'_, '_, T>, mirror: &mut Mirror) -> bool {
    level.run(Prepare { points, mirror })
}

struct Prepare<'a, 'b, T> {
    points: Points<'a, 'b, T>,
    mirror: &'a mut Mirror,
}

impl<T: Scalar> Work for Prepare<'_, '_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<V: Vector>(self) -> bool {
        let Points { path, rows, unit } = self.points;
        self.mirror.build::<V, T>(path, rows, unit)
    }
}

/// Solves the recursion for several exponents in one pass; the mirror must be of the same points.
/// Lane k of `lanes`, which are made as needed, holds the outcome for `powers[k]`.
///
/// # Errors
/// [`Error::Interrupted`] if `proceed`, asked once a block, returns false.
pub fn solve<T: Scalar>(
    level: Level,
    points: Points<'_, '_, T>,
    mirror: &Mirror,
    powers: &[Power],
    lanes: &mut Vec<Lane>,
    proceed: &dyn Fn() -> bool,
) -> Result<(), Error> {
    if lanes.len() < powers.len() {
        lanes.resize_with(powers.len(), Lane::new);
    }
    let lanes = &mut lanes[..powers.len()];
    level.run(Recursion { points, mirror, powers, lanes, proceed })
}

struct Recursion<'a, 'b, T> {
    points: Points<'a, 'b, T>,
    mirror: &'a Mirror,
    powers: &'a [Power],
    lanes: &'a mut [Lane],
    proceed: &'a dyn Fn() -> bool,
}

impl<T: Scalar> Work for Recursion<'_, '_, T> {
    type Output = Result<(), Error>;

    #[inline(always)]
    fn run<V: Vector>(self) -> Self::Output {
        let Self { points, mirror, powers, lanes, proceed } = self;
        for (lane, &power) in lanes.iter_mut().zip(powers) {
            lane.reset(power, &mirror.steps[..mirror.len]);
        }
        let mut target = Target::new(mirror);
        let mut survey = Survey::default();
        for block in 0..mirror.blocks() {
            if !proceed() {
                return Err(Error::Interrupted);
            }
            if block >= SURVEYED && block % GROUP == 0 {
                survey.run::<V>(&mut target, lanes, block);
            }
            target.open::<V>(lanes, block);
            target.search::<V>(lanes);
            for lane in &mut *lanes {
                lane.close(target.from, target.to, &points);
            }
        }
        Ok(())
    }
}
