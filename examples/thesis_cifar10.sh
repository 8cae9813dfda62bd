#!/bin/sh
# The classification example of the thesis code, in its own spelling: 100 layers of width 15 on a
# quarter of CIFAR-10, which is downloaded at first use. A folder or .zip of train/<class>/* and
# test/<class>/* as first argument replaces CIFAR-10.
set -eu
if [ "$#" -gt 0 ]; then
    data="--data=folder --data-dir=$1"
else
    data="--data=CIFAR10DataModule"
fi
# shellcheck disable=SC2086
resdepth train --model=ClassificationModel $data --model.L=100 --model.dim=15 \
    --model.input_size=3072 --model.lr=9.0 --model.p_var=2 --model.alpha=0.75 --model.gamma=1.0 \
    --model.init=ntrunc --trainer.max_epochs=39 --data.num_workers=12 \
    --data.training_data_percentage=0.25 --seed_everything=1234 \
    --trainer.default_root_dir=runs/thesis-cifar10
