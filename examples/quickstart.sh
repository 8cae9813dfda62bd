#!/bin/sh
# Train three depths on the embedded digits to the same loss. Draw the weights as paths along the
# layers, the decay of the gradient, and the loss around the weights. The default rate grows with the
# depth like L^(2 alpha - 1), so that the paths can be compared. With alpha = 1 they approach a smooth
# curve.
# Usage: sh examples/quickstart.sh [FOLDER]
set -eu
out=${1:-demo}
for depth in 32 64 128; do
    echo "== training $depth layers"
    resdepth train --depth "$depth" --alpha 1 --stop-loss 1.4 --seed 1 --out "$out/runs/depth-$depth" --overwrite
done
run=$out/runs/depth-64
echo "== training 64 layers with the default options"
resdepth train --epochs 1000 --seed 1 --out "$out/default" --overwrite

echo "== figures"
python "$(dirname "$0")/training_curves.py" --out "$out/training.png" \
    "$out/runs/depth-32" "$out/runs/depth-64" "$out/runs/depth-128"
resdepth paths norm "$out/runs" --pvar 1 --pvar 2 --out "$out/path-norm.png"
resdepth paths weights "$out/runs" --pos 1,5 --pos 0,11 --out "$out/path-weights.png"
resdepth paths profile "$out/runs" --out "$out/path-profile.png"
resdepth curvefit "$out/default" --window-size 27 --infer-shift --out "$out/curvefit.png"
resdepth landscape render "$run" --steps 51 --out "$out/landscape.npy"
resdepth landscape vis "$out/landscape.npy" --kind surface --out "$out/landscape-surface.png"
resdepth landscape vis "$out/landscape.npy" --kind contour --out "$out/landscape-contour.png"
resdepth landscape vis "$out/landscape.npy" --out "$out/landscape-interactive.html"

cat <<TEXT

Figures, each with its numbers in a .json next to it:
  $out/training.png           loss and p-variation norm of the weight path during training
  $out/path-norm.png          size of each layer, L^beta |A_k|, against k/L: one curve per depth
  $out/path-weights.png       two entries of L^beta A_k along the layers
  $out/path-profile.png       p-variation norm of these paths against p
  $out/curvefit.png           decay of Omega, the mean squared norm of the loss gradient, with default options, and a power law
  $out/landscape-surface.png  the loss around the weights of 64 layers in two random directions
  $out/landscape-contour.png  the same as contour lines
  $out/landscape-interactive.html  the same as an interactive surface for any browser
The runs are in $out/runs and $out/default. 'tensorboard --logdir $out/runs' shows their scalars.
TEXT
