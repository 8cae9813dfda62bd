"""Names for array shapes, used by every signature of the package.

`*replicas` is an optional leading axis of independent networks of one shape; with `*#replicas` an
array without that axis is shared by all of them. Only the tests check the shapes at run time
(jaxtyping with beartype).
"""

from jaxtyping import Float, Int64, Shaped
from torch import Tensor

Blocks = Float[Tensor, "*replicas depth width width"]
"""Trained weights A: A_k maps row vectors by h -> h A_k^T."""
Directions = Float[Tensor, "directions depth width width"]
"""Several directions in the space of one network's weights, or their products with a matrix."""
Traces = Float[Tensor, " depth"]  # One number per layer.
BlockHessian = Float[Tensor, "entries entries"]
"""Second derivatives in the entries of one layer, row by row: entries = width^2."""
Readin = Float[Tensor, "width inputs"]  # Fixed embedding U_in: h_0 = x U_in^T.
Readout = Float[Tensor, "*#replicas outputs width"]
"""Fixed read-out U_out: prediction = h_L U_out^T."""
Inputs = Float[Tensor, "samples inputs"]  # Samples as the network sees them, one per row.
Hidden = Float[Tensor, "*#replicas samples width"]
"""Hidden states h_k, one sample per row."""
Prediction = Float[Tensor, "*replicas samples outputs"]  # Logits, or the value of a regression.
Targets = Shaped[Tensor, "*#replicas samples"]
"""Class indices (int64) or real values."""
Counts = Int64[Tensor, "*replicas 3 classes"]
"""Samples of each class, predictions of each class, correct predictions of each class."""
Scalar = Float[Tensor, "*replicas"]  # One value per replica.
Images = Float[Tensor, "samples channels height width"]
"""Normalised images, or the output channels of a convolution."""
Maps = Float[Tensor, "samples filters rows columns"]  # Output of a convolution of `Images`.
Labels = Int64[Tensor, " samples"]  # Class indices of a batch of images.
ImageBatch = tuple[Float[Tensor, "_ channels height width"], Int64[Tensor, " _"]]
"""Images and labels. `_` binds nothing: the batches of one call may have different sizes."""
