"""What lies on disk: manifest, scalars, checkpoints, models; written whole, read with care."""
