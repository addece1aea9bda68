#!/usr/bin/env bash
# Ours and nanoGPT on Tiny Shakespeare. Usage: language.sh NANOGPT SHAKESPEARE; a clone of github.com/karpathy/nanoGPT
# with the environment of ../peers/nanogpt/requirements.txt in its .venv, and a folder with input.txt.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
nanogpt=$(realpath "$1") shakespeare=$(realpath "$2")
regard bench language --only shakespeare --seeds 1,2,3 data.folder="$shakespeare"
python "$here/speed.py" "$nanogpt" --results "$here/../results/language.jsonl"
# The peer's own command for a CPU, from its README; prepare.py keeps an input.txt that is there.
cp "$shakespeare/input.txt" "$nanogpt/data/shakespeare_char/input.txt"
cd "$nanogpt"
.venv/bin/python data/shakespeare_char/prepare.py
.venv/bin/python train.py config/train_shakespeare_char.py --device=cpu --compile=False --eval_iters=20 \
  --log_interval=100 --block_size=64 --batch_size=12 --n_layer=4 --n_head=4 --n_embd=128 --max_iters=2000 \
  --lr_decay_iters=2000 --dropout=0.0
.venv/bin/python "$here/held_out.py" .
