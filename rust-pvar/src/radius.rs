//! The recursion in any metric space, with blocks of points skipped by the triangle inequality.
//!
//! Every dyadic block of points knows a centre and a radius. No source in a block improves on the
//! best value found for `j` if V(last of the block) + (d(centre, j) + radius)^p stays below it.

use crate::chain::Chain;
use crate::error::Error;

/// Blocks shorter than this are searched point by point.
const SMALLEST: u32 = 2;

/// A metric space of `len` points, and the p-th power of its distances.
#[allow(clippy::len_without_is_empty)]
pub trait Space {
    /// Number of points.
    fn len(&self) -> usize;
    /// Distance of two points.
    fn distance(&self, i: usize, j: usize) -> f64;
    /// Distance to the power of p; increasing.
    fn power(&self, distance: f64) -> f64;
    /// The power of the distance of two points.
    fn term(&self, i: usize, j: usize) -> f64;
}

/// Radii of the blocks of 2^level points, level by level.
struct Radii {
    levels: Vec<Vec<f64>>,
}

impl Radii {
    fn new(space: &impl Space) -> Self {
        let mut levels = Vec::new();
        let mut level = SMALLEST;
        while (1_usize << level) <= space.len() {
            let size = 1_usize << level;
            let radius = |b: usize| {
                let centre = centre(level, b);
                let points = b * size..(b + 1) * size;
                points.map(|i| space.distance(i, centre)).fold(0.0, f64::max)
            };
            levels.push((0..space.len() / size).map(radius).collect());
            level += 1;
        }
        Self { levels }
    }

    fn of(&self, level: u32, block: usize) -> f64 {
        self.levels[(level - SMALLEST) as usize][block]
    }

    fn highest(&self) -> u32 {
        SMALLEST + self.levels.len() as u32 - 1
    }
}

/// The middle point of a block.
fn centre(level: u32, block: usize) -> usize {
    (block << level) + (1 << (level - 1))
}

/// Solves the recursion for the whole space.
///
/// # Errors
/// [`Error::Interrupted`] if `proceed` returns false, asked once every few points.
pub fn solve(
    space: &impl Space,
    chain: &mut Chain,
    proceed: &dyn Fn() -> bool,
) -> Result<(), Error> {
    chain.reset(space.len());
    let radii = Radii::new(space);
    for j in 1..space.len() {
        if j % 64 == 0 && !proceed() {
            return Err(Error::Interrupted);
        }
        best_source(space, &radii, chain, j);
    }
    Ok(())
}

fn best_source(space: &impl Space, radii: &Radii, chain: &mut Chain, j: usize) {
    let mut source = j - 1;
    let mut term = space.term(j - 1, j);
    let mut best = chain.value[j - 1] + term;
    // Points below `end` are still to be looked at.
    let mut end = j - 1;
    while end > 0 {
        if let Some(size) = skippable(space, radii, chain, j, end, best) {
            end -= size;
            continue;
        }
        end -= 1;
        let power = space.term(end, j);
        if chain.value[end] + power > best {
            (source, term, best) = (end, power, chain.value[end] + power);
        }
    }
    chain.value[j] = best;
    chain.term[j] = term;
    chain.source[j] = source as u32;
}

/// The length of the largest block ending at `end` that cannot improve on `best`.
fn skippable(
    space: &impl Space,
    radii: &Radii,
    chain: &Chain,
    j: usize,
    end: usize,
    best: f64,
) -> Option<usize> {
    if radii.levels.is_empty() {
        return None;
    }
    let highest = end.trailing_zeros().min(radii.highest());
    (SMALLEST..=highest).rev().find_map(|level| {
        let block = (end >> level) - 1;
        let reach = space.distance(centre(level, block), j) + radii.of(level, block);
        // The margin covers the rounding of the distances and of the power.
        let bound = chain.value[end - 1] + space.power(reach * (1.0 + 1e-12));
        (bound <= best).then_some(1 << level)
    })
}
