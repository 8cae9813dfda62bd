#!/bin/sh
# The regression example of the thesis code, in its own spelling: 128 layers of width 1 on
# 10,000 points with a constant target.
set -eu
resdepth train --model=RegressionModel --data=ConstantDataModule --model.L=128 --model.gamma=1.0 \
    --trainer.max_epochs=25 --data.num_workers=12 --model.lr=9.0 --model.p_var=2.0 \
    --model.init=constant --model.dim=1 --model.alpha=0.75 --model.p_loss=2.0 \
    --data.num_samples=10_000 --data.batch_size=10_000 --seed_everything=1234 \
    --trainer.default_root_dir=runs/thesis-constant
