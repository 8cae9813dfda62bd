"""What the words of a report mean: each definition is one click away from the word."""

MEANINGS = {
    "A_k": "the weights of layer k = 0 … L - 1, not rescaled; n_k is their Frobenius norm. Each "
    "statistic is computed from one path k -> A_k, the weights of one run",
    "RMS, M, R": "size: root mean square of n_k, largest n_k, root of the sum of n_k^2",
    "I": "largest increment, the maximum over k of |A_(k+1) - A_k|",
    "V1, P2": "1- and 2-variation norm of k -> A_k: length and roughness of the path",
    "PR": "participation ratio (sum n^2)^2 / (L sum n^4): 1 if all layers have the same size, 1/L "
    "if one layer dominates",
    "NOISE": "size of the rough part: (mean |third difference of A|^2 / 20)^(1/2)",
    "H, hurst": "Hurst exponent of the sums A_0 + … + A_(k-1), from their third differences at "
    "lags 1, 2, 4: 1/2 for independent layers of any size. hurst is the mean over the seeds, each "
    "over its three deepest depths",
    "beta, nu": "minus the slopes of log RMS and of log NOISE against log L: the measured exponent "
    "beta-hat and the noise exponent",
    "q1, q2, irel, pr": "growth of V1/RMS (q1), P2/RMS (q2), I/RMS (irel) and PR (pr): slopes of "
    "their logarithms against log L. For independent layers q1 is 1 and irel is 0; for a smooth "
    "path q1 is 0 and irel is -1",
    "variation_norm": "growth of the 2-variation norm: slope of the log of L^beta' P2 against log "
    "L with beta' = 1 - alpha; 0 if the norm of the scaled weights stays bounded",
    "95 % interval, wider over": "Student's t; the wider of two intervals is shown: over the "
    "slopes of the seeds (seeds), or of the regression through the means by depth (depths). It "
    "covers the effective exponent over these depths, not the exponent of the limit",
    "bend": "quadratic coefficient of the log-log regression times the range of log L: the slope "
    "at the deepest depth minus the slope in the middle. Marked ! if its interval excludes 0: the "
    "exponent has not settled",
    "local slopes": "slope between two neighbouring depths, mean over the seeds; the columns are "
    "named after the depths",
    "H1, smooth limit (H1)": "limit of Cohen, Cont, Rossier & Xu (2021): A_k = L^(-beta) Abar(k/L) "
    "with a smooth Abar. It is the verdict if the interval of irel lies below -1/2 and that of q1 "
    "below 1/4",
    "H2, diffusive limit (H2)": "limit of the same paper: such a trend plus independent noise of "
    "order L^(-1/2) in every layer. It is the verdict if the interval of q1 lies above 0.1, that "
    "of nu within [.35, .65] and that of H within [.4, .6]",
    "neither, neither limit, undecided": "neither: the intervals exclude both limits, for the "
    "reason given. undecided: the intervals are too wide, or the deepest depths contradict the "
    "others",
    "alpha + nu": "noise of this size changes the hidden state in the limit if the sum is at most "
    "1/2",
    "norms": "the Frobenius norm of every layer against k/L, scaled by L^(1 - alpha); band: 95 % "
    "interval of the mean over the seeds",
    "profile": "p-variation norm of k -> L^(1 - alpha) A_k: the largest sum of |A_(k') - A_k|^p "
    "over partitions of the layers, to the power 1/p; a dot marks the critical exponent, below "
    "which the norm grows with the depth",
    "growth": "slope of the log of the p-variation norm against log L, for each p; 0: the norm is "
    "bounded",
    "entries": "single entries (i, j) of the scaled weights as paths through the layers: one line "
    "per run, or the mean with its 95 % band if there are many runs",
    "trend": "moving mean of one entry over a tenth of the depth; noise is the rest",
    "distance": "|(2L)^beta A^(2L)_(2k) - L^beta A^(L)_k| over all k relative to L^beta A^(L), for "
    "the same seed and the estimated beta: decreases if paths approach a limit, stays constant if "
    "layers are independent",
    "Omega, C, T0, rho": "mean squared norm of the gradient of the loss in the prediction, during "
    "training; fitted by C / (t + T0)^rho with t in steps; mean over the seeds whose fit is "
    "identified, with its 95 % interval",
    "identified": "number of fits whose parameters the data determine; the others have a flat or "
    "unbounded sum of squares, for example if training was too short to show a power law",
    "lambda_1": "largest eigenvalue of the Hessian of the training loss at the end of training",
    "rate x lambda_1": "the last learning rate times lambda_1; gradient descent is stable below 2",
    "tr H, tr GN": "traces of the Hessian and of its Gauss-Newton part",
    "rate": "the learning rate of runs of this depth: lr (L/D)^e with the base rate lr, D "
    "(lr_depth) and e (lr_depth_exponent)",
    "best base rate": "the base rate with the smallest mean final loss among those that were "
    "tried; if training stops at a loss, the one that needs the fewest steps. Means are over the "
    "seeds that ended at every rate; rates at which a run diverged are excluded",
    "used": "cells that finished and, if training stops at a loss, reached it; all others are "
    "excluded from every number and named",
    "steps, loss, seconds": "updates done, loss over the training set after the last one, training "
    "time without validation and checkpoints",
}
"""Definitions by the words that they explain (by commas), in the order of the page."""

WORDS = frozenset(word for words in MEANINGS for word in words.split(", "))


def anchor(word: str) -> str:
    """Return the name of the place on the page that explains a word."""
    return "is-" + "".join(letter if letter.isalnum() else "-" for letter in word)
