//! What a call writes and returns.

/// What a call writes; `None` where the caller does not ask.
#[derive(Debug, Default)]
pub struct Outputs<'a, T> {
    /// Predictions (R, N, o).
    pub prediction: Option<&'a mut [T]>,
    /// Gradients (R, L, d, d) of the mean losses.
    pub gradient: Option<&'a mut [T]>,
}

/// Loss, Omega and class counts of one replica.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean loss.
    pub loss: f64,
    /// Mean squared norm of the gradient of each sample's own loss by its prediction.
    pub omega: f64,
    /// Samples, predictions and hits of each class, one after the other; empty in a regression.
    pub counts: Vec<i64>,
}
