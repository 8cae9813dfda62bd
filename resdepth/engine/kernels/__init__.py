"""Hand-written forward and backward passes, one file an implementation."""
