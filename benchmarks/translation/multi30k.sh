#!/usr/bin/env bash
# Multi30k de-en: ours and JoeyNMT on the same files. Usage: multi30k.sh FOLDER, with train, val and test_2016_flickr
# in .de and .en. One thread each, so that two runs can go side by side on two cores.
set -euo pipefail
export OMP_NUM_THREADS=1
common=(data.name=multi30k data.folder="$1" data.lowercase=true pieces.size=5000 training.tokens_per_batch=2048
        training.patience=30 training.minutes=40)
decaying=(training.learning_rate=2e-3 training.schedule=Exponential training.schedule.half_life=1500
          training.schedule.warmup=200 training.keep=3 training.average=4)
regard train translation "${common[@]}" "${decaying[@]}" model=Recurrent model.mechanism=Bahdanau --run runs/additive
regard train translation "${common[@]}" "${decaying[@]}" model=Recurrent model.mechanism=NoAttention --run runs/none
regard train translation "${common[@]}" pieces.shared=true model=Transformer model.feed_forward_size=512 \
  model.dropout=0.2 model.tying=ALL training.learning_rate=1.2e-3 training.schedule=InverseSquareRoot \
  training.schedule.warmup=500 training.keep=4 training.average=5 --run runs/transformer
# The peer, in an environment of its own:
#   pip install torch==2.13.0 joeynmt==2.3.0 'setuptools<81' importlib_metadata
#   python -m joeynmt train joeynmt.yaml && python -m joeynmt test joeynmt.yaml -o out
#   sacrebleu -lc multi30k/test_2016_flickr.en < out.test
