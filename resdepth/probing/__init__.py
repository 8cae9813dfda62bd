"""Experiments on trained networks: loss landscapes, curvature, trajectories."""
