"""Data sets as whole tensors: options in, inputs and targets out."""
