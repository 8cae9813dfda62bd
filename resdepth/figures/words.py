"""What the words of a report mean: each definition is a click away from where the word stands."""

MEANINGS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("A_k",),
        "the weights of layer k = 0 … L - 1 as they are, unscaled; n_k is their Frobenius norm."
        " All statistics are of one path k -> A_k, that of one depth L and one seed",
    ),
    (
        ("RMS", "M", "R"),
        "size: root mean square of n_k, the largest n_k, root of the sum of n_k^2",
    ),
    (
        ("I",),
        "largest increment, the maximum over k of |A_(k+1) - A_k|",
    ),
    (
        ("V1", "P2"),
        "1- and 2-variation norm of k -> A_k: length, roughness",
    ),
    (
        ("PR",),
        "participation ratio (sum n^2)^2 / (L sum n^4): 1 where all layers are of one size, 1/L"
        " where one layer carries all",
    ),
    (
        ("NOISE",),
        "(mean |third difference of A|^2 / 20)^(1/2): size of what is rough",
    ),
    (
        ("H", "hurst"),
        "Hurst exponent of the sums A_0 + … + A_(k-1), from their third differences at lags 1, "
        "2, 4: 1/2 for independent layers of whatever size. hurst is the mean over the seeds, "
        "each over its three deepest depths",
    ),
    (
        ("beta", "nu"),
        "minus the slope of log RMS, of log NOISE on log L",
    ),
    (
        ("q1", "q2", "irel", "pr"),
        "slope of the log of V1/RMS, P2/RMS, I/RMS, PR on log L; q1 is 1 for independent layers"
        " and 0 for smooth ones, irel is 0 and -1 there",
    ),
    (
        ("variation_norm",),
        "slope of the log of L^beta' P2, beta' = 1 - alpha: does the 2-variation norm of the "
        "scaled weights stay bounded?",
    ),
    (
        ("95 % interval", "wider over"),
        "Student's t, the wider of two: over the seeds' own slopes (seeds), and of the "
        "regression through the means by depth (depths). It covers the effective exponent over "
        "these depths, not that of the limit",
    ),
    (
        ("bend",),
        "quadratic coefficient of log on log times the range of log L: how far the slope at the"
        " deepest depth is from that in the middle. Marked ! where its interval excludes 0: the"
        " exponent has not settled",
    ),
    (
        ("local slopes",),
        "slope between two neighbouring depths, mean over the seeds, in the columns named after"
        " these depths",
    ),
    (
        ("H1",),
        "limit of Cohen, Cont, Rossier & Xu (2021): A_k = L^(-beta) Abar(k/L) with a smooth "
        "Abar. Said where irel lies below -1/2 and q1 below 1/4",
    ),
    (
        ("H2",),
        "diffusive limit of the same paper: noise of size L^(-1/2), independent from layer to "
        "layer, beside such a trend. Said where q1 lies above 0.1, nu within [.35, .65] and H "
        "within [.4, .6]",
    ),
    (
        ("neither", "undecided"),
        "neither: the intervals exclude both limits, for the reason given. undecided: they are "
        "too wide, or the deepest depths speak against the others",
    ),
    (
        ("alpha + nu",),
        "noise of this size moves the hidden state in the limit where the sum is at most 1/2",
    ),
    (
        ("norms",),
        "the Frobenius norm of every layer against k/L, scaled by L^(1 - alpha); band: 95 % "
        "interval of the mean over the seeds",
    ),
    (
        ("profile",),
        "p-variation norm of k -> L^(1 - alpha) A_k: the largest sum of |A_(k') - A_k|^p over "
        "partitions of the layers, to the power 1/p; a dot is the critical exponent, below "
        "which it grows with the depth",
    ),
    (
        ("growth",),
        "slope of the log of that norm on log L, for every p; 0: bounded in p-variation",
    ),
    (
        ("entries",),
        "single entries (i, j) of the scaled weights as paths through the layers: one line per "
        "run, or the mean with its 95 % band if there are many runs",
    ),
    (
        ("trend",),
        "moving mean of one entry over a tenth of the depth; noise is what is left",
    ),
    (
        ("distance",),
        "|(2L)^beta A^(2L)_(2k) - L^beta A^(L)_k| over all k relative to L^beta A^(L), same "
        "seed, beta as estimated: falls where paths approach a limit, stays where layers are "
        "independent",
    ),
    (
        ("Omega", "C", "T0", "rho"),
        "mean squared gradient of the loss by the layers during training, fitted by C / (t + "
        "T0)^rho, t in steps; mean over the seeds whose fit is identified, with its 95 % "
        "interval",
    ),
    (
        ("identified",),
        "fits whose parameters the data determine, of all; the others have a flat or unbounded "
        "sum of squares, as where training was too short to show a power law",
    ),
    (
        ("lambda_1",),
        "largest eigenvalue of the Hessian of the training loss at the end of training",
    ),
    (
        ("rate x lambda_1",),
        "the last learning rate times lambda_1; gradient descent is stable below 2",
    ),
    (
        ("tr H", "tr GN"),
        "traces of the Hessian and of its Gauss-Newton part",
    ),
    (
        ("rate",),
        "the learning rate that runs of this depth used: lr (L/D)^e with the base rate lr (--lr), "
        "D (--lr-depth) and e (--lr-depth-exponent)",
    ),
    (
        ("best rate", "best --lr"),
        "the base rate of the least mean final loss among those that were tried; if training "
        "stops at a loss, the one that needs the fewest steps to it. Means are over the seeds that "
        "ended at every rate; rates at which a run diverged are left out",
    ),
    (
        ("counts",),
        "cells that finished, and reached the loss to stop at where there is one; all others "
        "are left out of every number and named",
    ),
    (
        ("steps", "loss", "seconds"),
        "updates done, loss over the training set after the last one, training time without "
        "what is done beside the steps",
    ),
)
"""Words and what they mean, in the order of the page."""

WORDS = frozenset(word for words, _ in MEANINGS for word in words)


def anchor(word: str) -> str:
    """Where on the page the meaning of a word stands."""
    return "is-" + "".join(letter if letter.isalnum() else "-" for letter in word)
