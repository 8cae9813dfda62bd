//! The network as the kernels see it: shape, activation, augmentation, loss.

/// The activation function sigma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Hyperbolic tangent.
    Tanh,
    /// x where positive, else e^x - 1.
    Elu,
    /// max(x, 0), with derivative 0 at 0.
    Relu,
    /// x Phi(x), Phi the standard normal distribution function.
    Gelu,
    /// 1 / (1 + e^-x).
    Sigmoid,
}

/// How a layer continues the hidden state h with its matrix A_k.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Augmentation {
    /// h + delta sigma(h A_k^T).
    Skip,
    /// sigma(h A_k^T).
    None,
    /// h + sigma(h) A_k^T.
    LinearSkip,
    /// h + sigma(h) (A_k - A_{k-1})^T, A_{-1} = 0.
    IncSkip,
}

impl Activation {
    /// All activations with the names that Python uses.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("tanh", Self::Tanh),
        ("elu", Self::Elu),
        ("relu", Self::Relu),
        ("gelu", Self::Gelu),
        ("sigmoid", Self::Sigmoid),
    ];
}

impl Augmentation {
    /// All augmentations with the names that Python uses.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("skip", Self::Skip),
        ("none", Self::None),
        ("linear_skip", Self::LinearSkip),
        ("inc_skip", Self::IncSkip),
    ];

    /// Whether the weights stand inside the activation.
    pub(crate) fn weights_inside(self) -> bool {
        matches!(self, Self::Skip | Self::None)
    }
}

/// The sizes of a network and its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Independent networks R.
    pub replicas: usize,
    /// Samples N of the batch.
    pub samples: usize,
    /// Layers L.
    pub depth: usize,
    /// Width d.
    pub width: usize,
    /// Outputs o: classes, or 1 in a regression.
    pub outputs: usize,
}

/// What the prediction is compared with.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a, T> {
    /// Cross-entropy against class indices.
    Classes(&'a [i64]),
    /// |y - prediction|^p / p for one output: the values y and p.
    Values(&'a [T], f64),
}

/// What is asked of the second derivatives.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a, T> {
    /// What the predictions are compared with.
    pub targets: Targets<'a, T>,
    /// The Gauss-Newton matrix in place of the Hessian.
    pub gauss_newton: bool,
}

/// One call: R networks of one shape and their batch, all arrays contiguous.
#[derive(Clone, Copy, Debug)]
pub struct Problem<'a, T> {
    /// The sizes.
    pub shape: Shape,
    /// The activation function.
    pub activation: Activation,
    /// The augmentation.
    pub augmentation: Augmentation,
    /// Residual step delta_L, used by `Skip` alone.
    pub delta: T,
    /// First hidden states: (N, d) shared, or (R, N, d).
    pub h0: &'a [T],
    /// Weights (R, L, d, d).
    pub blocks: &'a [T],
    /// Read-out: (o, d) shared, or (R, o, d).
    pub readout: &'a [T],
}
