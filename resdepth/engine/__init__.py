"""Networks, losses, kernels and the training loop: tensors in, records out; no files."""
