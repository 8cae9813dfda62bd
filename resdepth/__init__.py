"""resdepth: the weights of very deep residual networks as paths through the layers."""
