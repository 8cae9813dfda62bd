"""Options of `train` that the weights do not depend on."""

PLACE = ("data_dir", "device", "engine", "threads", "num_workers")
"""Where a run was made; its data is compared by its checksum."""
RECORDING = ("log_every", "val_every", "checkpoint_every", "p_var_every", "no_p_var", "store_grad")
"""What was written down of a run."""
