//! A piece of a path in R, reduced to its extrema.

/// Extrema on their way to the recursion; the first is there already, once there is any.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) points: Vec<f64>,
    pub(super) indices: Vec<u32>,
    /// Whether a point goes, in a pass over all windows.
    pub(super) gone: Vec<u8>,
    /// Power of the edge that ends at each point.
    pub(super) edges: Vec<f64>,
}

impl Piece {
    pub(super) fn restart(&mut self, x: f64) {
        self.points.clear();
        self.indices.clear();
        self.push(x, 0);
    }

    #[inline(always)]
    pub(super) fn push(&mut self, x: f64, index: usize) {
        self.points.push(x);
        self.indices.push(index as u32);
    }

    /// Drops what the recursion has, but for its last point.
    #[inline(always)]
    pub(super) fn forget(&mut self, ready: usize) {
        self.points.drain(..ready - 1);
        self.indices.drain(..ready - 1);
    }
}
