"""Training a network, as a run folder."""
