"""The vocabulary of array shapes, shared by every signature of the package.

`*replicas` is an optional leading axis of independent networks of one shape; `*#replicas` may also
lack that axis, and is then shared by them all. The names are checked at run time in the tests alone
(jaxtyping with beartype); elsewhere they are documentation.
"""

from jaxtyping import Float, Int64, Shaped
from torch import Tensor

Blocks = Float[Tensor, "*replicas depth width width"]
"""Trained weights A: A_k maps row vectors by h -> h A_k^T."""

Directions = Float[Tensor, "directions depth width width"]
"""Several directions in the space of one network's weights, or what a matrix makes of them."""

Traces = Float[Tensor, " depth"]
"""One number a layer."""

BlockHessian = Float[Tensor, "entries entries"]
"""Second derivatives in the entries of one layer, row by row: entries = width^2."""

Readin = Float[Tensor, "width inputs"]
"""Fixed embedding U_in: h_0 = x U_in^T."""

Readout = Float[Tensor, "*#replicas outputs width"]
"""Fixed read-out U_out: prediction = h_L U_out^T."""

Inputs = Float[Tensor, "samples inputs"]
"""Samples as the network sees them, one a row."""

Hidden = Float[Tensor, "*#replicas samples width"]
"""Hidden states h_k, one sample a row."""

Prediction = Float[Tensor, "*replicas samples outputs"]
"""What the network answers: logits, or the regression value."""

Targets = Shaped[Tensor, "*#replicas samples"]
"""Class indices (int64) or real values."""

Counts = Int64[Tensor, "*replicas 3 classes"]
"""Samples of each class, predictions of each class, correct predictions of each class."""

Scalar = Float[Tensor, "*replicas"]
"""One value a replica."""

Images = Float[Tensor, "samples channels height width"]
"""Normalised images, or the channels a convolution has made of them."""

Maps = Float[Tensor, "samples filters rows columns"]
"""What a convolution makes of `Images`."""

Labels = Int64[Tensor, " samples"]
"""Class indices of a batch of images."""

Batch = tuple[Float[Tensor, "_ channels height width"], Int64[Tensor, " _"]]
"""One of several batches, images and labels: the number of samples may differ from its neighbours'.

`_` binds nothing. A name would bind the size of whichever batch a check happens to look at.
"""
