"""Studies: one experiment at many depths and seeds, each a run of its own."""
