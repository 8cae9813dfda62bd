//! A path made ready for any number of questions.

use crate::euclid::mirror::Mirror;
use crate::euclid::{self, Points};
use crate::metric::Metric;
use crate::path::{PathView, Scalar};
use crate::scale::{Scale, distinct_rows};
use crate::simd::Level;

/// Below this dimension a distance is cheaper than its mirror image.
const MIRRORED: usize = 8;

/// What can be said of a path before an exponent is known: its scale, its repeated points, and its
/// single-precision mirror.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) metric: Metric,
    pub(crate) scale: Scale,
    copy: Option<Vec<f64>>,
    rows: Option<Vec<u32>>,
    mirror: Mirror,
    mirrored: bool,
}

/// What the questions to come need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The mirror.
    pub(crate) mirror: bool,
    /// The distinct rows.
    pub(crate) rows: bool,
}

impl Default for Prepared {
    fn default() -> Self {
        Self {
            metric: Metric::Euclidean,
            scale: Scale { unit: 1.0, exponent: 0, constant: true },
            copy: None,
            rows: None,
            mirror: Mirror::default(),
            mirrored: false,
        }
    }
}

impl Prepared {
    /// Prepares `path` for questions in `metric` and for all exponents.
    #[must_use]
    pub fn new<T: Scalar>(path: &PathView<'_, T>, metric: Metric) -> Self {
        let mut prepared = Self::default();
        let wanted = Wanted { mirror: true, rows: true };
        prepared.refill(path, metric, wanted, Level::detect());
        prepared
    }

    /// Prepares another path in the same memory, for what is wanted and of use.
    pub(crate) fn refill<T: Scalar>(
        &mut self,
        path: &PathView<'_, T>,
        metric: Metric,
        wanted: Wanted,
        level: Level,
    ) {
        self.metric = metric;
        self.rows = None;
        (self.scale, self.copy) = Scale::measure(path);
        self.mirrored = wanted.mirror
            && !self.scale.constant
            && metric == Metric::Euclidean
            && path.dim() >= MIRRORED;
        if self.scale.constant || !(wanted.rows || self.mirrored) {
            return;
        }
        match self.copy.take() {
            Some(copy) => {
                self.read(&PathView::trusted(&copy, path.len(), path.dim()), level);
                self.copy = Some(copy);
            }
            None => self.read(path, level),
        }
    }

    fn read<T: Scalar>(&mut self, path: &PathView<'_, T>, level: Level) {
        let unit = self.scale.unit;
        let mut mirror = std::mem::take(&mut self.mirror);
        // A zero among the steps that the mirror measures tells of repeated points.
        let repeats = !self.mirrored
            || euclid::prepare(level, Points { path, rows: None, unit }, &mut mirror);
        if repeats {
            self.rows = distinct_rows(path);
            if self.mirrored && self.rows.is_some() {
                let points = Points { path, rows: self.rows.as_deref(), unit };
                euclid::prepare(level, points, &mut mirror);
            }
        }
        self.mirror = mirror;
    }

    /// The scaled copy of the path, where one had to be made.
    pub(crate) fn copy_of<T: Scalar>(&self, path: &PathView<'_, T>) -> Option<PathView<'_, f64>> {
        let copy = self.copy.as_deref()?;
        Some(PathView::trusted(copy, path.len(), path.dim()))
    }

    pub(crate) fn rows(&self) -> Option<&[u32]> {
        self.rows.as_deref()
    }

    pub(crate) fn mirror(&self) -> Option<&Mirror> {
        self.mirrored.then_some(&self.mirror)
    }
}
