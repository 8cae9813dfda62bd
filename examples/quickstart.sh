#!/bin/sh
# Train three depths on the embedded digits and look at the weights as paths through the layers.
# Usage: sh examples/quickstart.sh [FOLDER]
set -eu
out=${1:-demo}
for depth in 32 64 128; do
    echo "== training $depth layers"
    resdepth train --depth "$depth" --epochs 200 --seed 1 --out "$out/runs/depth-$depth" --overwrite
done
echo "== figures"
resdepth paths norm --dir-path "$out/runs" --pvar 1 --pvar 2 --out "$out/path-norm.png"
python "$(dirname "$0")/training_curves.py" --out "$out/training.png" \
    "$out/runs/depth-32" "$out/runs/depth-64" "$out/runs/depth-128"
cat <<TEXT

Look at these pictures:
  $out/path-norm.png   the norm of each layer's weights, L^beta |A_k|, against the depth k/L:
                       one curve a depth; that they lie on one another is the scaling limit
  $out/training.png    loss and p-variation norm of the weight path during training
The runs themselves are in $out/runs; 'tensorboard --logdir $out/runs' opens their scalars.
TEXT
