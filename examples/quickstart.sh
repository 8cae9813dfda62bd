#!/bin/sh
# Train three depths on the embedded digits and look at what gradient descent left: the weights as
# paths through the layers, how fast the gradient decays, and the loss around the weights.
# Usage: sh examples/quickstart.sh [FOLDER]
set -eu
out=${1:-demo}
for depth in 32 64 128; do
    echo "== training $depth layers"
    resdepth train --depth "$depth" --epochs 300 --seed 1 --out "$out/runs/depth-$depth" --overwrite
done
run=$out/runs/depth-64

echo "== figures"
python "$(dirname "$0")/training_curves.py" --out "$out/training.png" \
    "$out/runs/depth-32" "$out/runs/depth-64" "$out/runs/depth-128"
resdepth paths norm "$out/runs" --pvar 1 --pvar 2 --out "$out/path-norm.png"
resdepth paths weights "$out/runs" --out "$out/path-weights.png"
resdepth paths profile "$out/runs" --out "$out/path-profile.png"
resdepth curvefit "$run" --window-size 27 --infer-shift --out "$out/curvefit.png"
resdepth landscape render "$run" --steps 51 --out "$out/landscape.npy"
resdepth landscape vis "$out/landscape.npy" --kind surface --out "$out/landscape-surface.png"
resdepth landscape vis "$out/landscape.npy" --kind contour --out "$out/landscape-contour.png"
resdepth landscape vis "$out/landscape.npy" --out "$out/landscape.html"

cat <<TEXT

Look at these pictures, each with its numbers in a .json beside it:
  $out/training.png           loss and p-variation norm of the weight path during training
  $out/path-norm.png          size of each layer, L^beta |A_k|, against k/L: one curve a depth
  $out/path-weights.png       single entries of L^beta A_k as paths through the layers
  $out/path-profile.png       p-variation norm of these paths against p
  $out/curvefit.png           decay of Omega, the mean squared loss gradient, with a fitted power law
  $out/landscape-surface.png  the loss around the weights of 64 layers, along two random directions
  $out/landscape-contour.png  the same as level lines
  $out/landscape.html         the same to turn with the mouse, in any browser
The runs themselves are in $out/runs; 'tensorboard --logdir $out/runs' opens their scalars.
TEXT
