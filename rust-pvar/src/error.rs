//! What can be wrong with a question about a path.

use std::fmt;

/// Why a p-variation could not be computed.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// The path has no points.
    Empty,
    /// The points have no coordinates.
    NoColumns {
        /// Number of points.
        rows: usize,
    },
    /// The buffer does not hold `rows * columns` numbers.
    Shape {
        /// Number of points asked for.
        rows: usize,
        /// Number of coordinates asked for.
        columns: usize,
        /// Length of the buffer.
        len: usize,
    },
    /// The exponent is not a finite number of at least one.
    Exponent(f64),
    /// An entry is NaN or infinite.
    NotFinite {
        /// Index of the point.
        row: usize,
        /// Index of the coordinate.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// An entry of a matrix of all pairs of points is not what it should be.
    Matrix {
        /// Index of one point.
        row: usize,
        /// Index of the other.
        column: usize,
        /// The entry.
        value: f64,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// Too few points for a regression over sub-samplings.
    TooShort {
        /// Number of points.
        rows: usize,
        /// Number of points needed.
        needed: usize,
    },
    /// The path stands still wherever it is looked at.
    Constant {
        /// Points between the looks.
        lag: usize,
    },
    /// The caller asked to stop.
    Interrupted,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the path is empty; give at least one point"),
            Self::NoColumns { rows } => {
                write!(f, "the path has {rows} rows without entries; give at least one column")
            }
            Self::Shape { rows, columns, len } => {
                write!(f, "{len} numbers do not make {rows} rows of {columns} columns")
            }
            Self::Exponent(p) => {
                write!(f, "p must be a finite number >= 1, got {}", Number(*p))
            }
            Self::NotFinite { row, column, value } => {
                write!(f, "row {row}, column {column} of the path is {}", Number(*value))?;
                write!(f, "; every entry must be finite")
            }
            Self::Matrix { row, column, value, flaw } => {
                write!(f, "row {row}, column {column} of the matrix is {}", Number(*value))?;
                flaw.explain(f, *row, *column)
            }
            Self::TooShort { rows, needed } => {
                write!(f, "the path has {rows} points; this needs at least {needed}")
            }
            Self::Constant { lag } => {
                write!(f, "the path does not move over {lag} points; it has no exponent")
            }
            Self::Interrupted => write!(f, "interrupted"),
        }
    }
}

impl std::error::Error for Error {}

/// What can be wrong with an entry of a matrix of distances or of inner products.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Flaw {
    /// It is NaN or infinite.
    NotFinite,
    /// It is a distance below zero.
    Negative,
    /// It is the distance of a point from itself, and not zero.
    Diagonal,
    /// It is not the entry on the other side of the diagonal.
    Asymmetric {
        /// The entry there.
        mirrored: f64,
    },
    /// By it two points, or a point and the origin, have a negative squared distance.
    NegativeSquare,
}

impl Flaw {
    fn explain(self, f: &mut fmt::Formatter<'_>, row: usize, column: usize) -> fmt::Result {
        match self {
            Self::NotFinite => write!(f, "; every entry must be finite"),
            Self::Negative => write!(f, "; a distance is not negative"),
            Self::Diagonal => write!(f, "; a point has distance 0 from itself"),
            Self::Asymmetric { mirrored } => {
                write!(f, ", row {column}, column {row} is {}", Number(mirrored))?;
                write!(f, "; make it symmetric, by (A + A.T) / 2 if this is rounding")
            }
            Self::NegativeSquare => write!(f, "; no points have these inner products"),
        }
    }
}

/// Shows NaN and infinities as Python does.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_nan() { write!(f, "nan") } else { write!(f, "{}", self.0) }
    }
}
