"""What lies on disk: manifest, scalars, checkpoints, exported models; written whole, read with care."""
