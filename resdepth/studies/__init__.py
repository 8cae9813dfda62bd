"""Studies: many runs over depths, seeds and other options."""
