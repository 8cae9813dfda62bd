//! Paths in R, where order helps.
//!
//! Only local extrema matter, since |a + b|^p >= |a|^p + |b|^p for a, b of one sign. Of four
//! successive extrema the middle two can go as soon as the edge between the outer ones is worth
//! their three edges: any partition using them is improved by leaving them out. (Its neighbours lie
//! beyond the outer ones, and the gain from joining grows with them.) What is left is solved by the
//! recursion, in which a source of j is a strongest extremum on its way back from j, and none
//! beyond the last extremum that surpasses j itself.
//!
//! A path goes through these steps a piece at a time, so that nothing but the sources of the last
//! step grows with it.

mod extrema;
mod piece;
mod recursion;
mod windows;

use crate::error::Error;
use crate::path::Scalar;
use crate::power::Power;
use crate::simd::{Level, Vector, Work};

use piece::Piece;
use recursion::Recursion;

/// Points of the path in a piece.
const PIECE: usize = 2048;
/// Extrema that wait for the next piece, so that windows across its border can be joined.
const WAITING: usize = 3;

/// Memory for the work on one path.
#[derive(Debug, Default)]
pub struct LineSolver {
    piece: Piece,
    recursion: Recursion,
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
        level.run(Pieces { path, factor, power, solver: self, proceed })?;
        Ok(self.recursion.partition())
    }
}

struct Pieces<'a, T> {
    path: &'a [T],
    factor: f64,
    power: Power,
    solver: &'a mut LineSolver,
    proceed: &'a dyn Fn() -> bool,
}

impl<T: Scalar> Work for Pieces<'_, T> {
    type Output = Result<(), Error>;

    #[inline(always)]
    fn run<V: Vector>(self) -> Self::Output {
        let Self { path, factor, power, solver: LineSolver { piece, recursion }, proceed } = self;
        let last = path.len() - 1;
        let repeats = extrema::repeats(path);
        let first = path[0].widen() * factor;
        piece.restart(first);
        recursion.restart(first);
        for start in (1..last).step_by(PIECE) {
            let end = last.min(start + PIECE);
            if repeats {
                piece.turns_between_plateaus(path, factor, start, end);
            } else {
                piece.turns::<V, T>(path, factor, start, end);
            }
            if piece.points.len() > 2 * WAITING {
                if !proceed() {
                    return Err(Error::Interrupted);
                }
                piece.join::<V>(power);
                let ready = piece.points.len().saturating_sub(WAITING).max(1);
                let seen = end as f64 / path.len() as f64;
                recursion.extend(piece, ready, power, seen);
                piece.forget(ready);
            }
        }
        piece.finish(path[last].widen() * factor, last);
        if !proceed() {
            return Err(Error::Interrupted);
        }
        piece.join::<V>(power);
        recursion.extend(piece, piece.points.len(), power, 1.0);
        Ok(())
    }
}
