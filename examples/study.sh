#!/bin/sh
# The default study on the embedded digits, seven depths and five seeds, for two activations: how do
# the trained weights scale with the depth, and which limit do they show? relu is compared at equal
# loss (1.2). tanh stalls near 1.3 and is compared after 60 steps. Both use the rate
# lr L^(2 alpha - 1), at which all depths take nearly the same number of steps.
# Usage: sh examples/study.sh [FOLDER [MORE OPTIONS OF 'resdepth study run']]
set -eu
out=${1:-studies}
[ "$#" -eq 0 ] || shift
resdepth study run "$out/relu" --alpha 1 --activation relu --lr .5 --lr-depth 1 --stop-loss 1.2 "$@"
resdepth study run "$out/tanh" --alpha 1 --activation tanh --lr 3 --lr-depth 1 --epochs 60 "$@"
for study in "$out/relu" "$out/tanh"; do
    resdepth study report "$study"
done
