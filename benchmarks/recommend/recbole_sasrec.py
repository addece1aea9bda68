"""Train RecBole's SASRec on MovieLens-100k, and keep its curve in seconds.

python -m venv ENV && ENV/bin/pip install -r benchmarks/peers/recommend/requirements.txt
OMP_NUM_THREADS=2 ENV/bin/python benchmarks/recommend/recbole_sasrec.py OUT --epochs 30

The data is that of RecBole's own archive, which is Regard's source too. Leave-one-out in order of time, full
ranking; cross-entropy, hidden size 64, two layers, two heads, the newest 50 items, batches of 2,048: everything else
is RecBole's default. RecBole leaves a user's history among the candidates of a sequential model, so its own numbers
are of all items; the second number is made of the same scores without what the user took before. OUT gets
curve.jsonl, a line an epoch: seconds of the wall and of the processor, and NDCG@10 on validation. The model of the
best epoch is tested, once; what is printed last are lines for benchmarks/results/recommend.jsonl.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import os
import platform
import sys
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

# Checkpoints of RecBole hold its settings as Python objects, which torch refuses to load unless it is told to.
torch.load = functools.partial(torch.load, weights_only=False)

from recbole.config import Config  # noqa: E402
from recbole.data import create_dataset, data_preparation  # noqa: E402
from recbole.model.sequential_recommender import SASRec  # noqa: E402
from recbole.trainer import Trainer  # noqa: E402
from recbole.utils import init_seed  # noqa: E402


def settings(chosen: argparse.Namespace) -> dict[str, Any]:
    """What differs from RecBole's defaults, or is said to be sure."""
    return {
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full", "group_by": "user"},
        "MAX_ITEM_LIST_LENGTH": 50,
        "hidden_size": 64,
        "inner_size": 256,
        "n_layers": 2,
        "n_heads": 2,
        "loss_type": "CE",
        "train_neg_sample_args": None,
        "train_batch_size": 2048,
        "learning_rate": 1e-3,
        "epochs": chosen.epochs,
        "stopping_step": chosen.patience,
        "metrics": ["NDCG", "Hit", "MRR"],
        "topk": [10],
        "valid_metric": "NDCG@10",
        "seed": chosen.seed,
        "use_gpu": False,
        "show_progress": False,
        "checkpoint_dir": ".",
    }


def without_history(model: SASRec, rows: Any, taken: dict[int, set[int]]) -> float:
    """NDCG@10 of the same scores where what the user took before is no candidate."""
    gains = []
    with torch.no_grad():
        for start in range(0, len(rows), 256):
            part = rows[start : start + 256]
            scores = model.full_sort_predict(part)
            scores[:, 0] = -math.inf
            for row, (user, target) in enumerate(
                zip(part["user_id"].tolist(), part["item_id"].tolist(), strict=True)
            ):
                wanted = scores[row, target].item()
                scores[row, list(taken[user])] = -math.inf
                rank = 1 + int((scores[row] >= wanted).sum())
                gains.append(1 / math.log2(1 + rank) if rank <= 10 else 0.0)
    return sum(gains) / len(gains)


def main() -> None:
    """Train, test, and print two lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--patience", type=int, default=5, help="epochs without a better validation")
    parser.add_argument("--seed", type=int, default=2020, help="RecBole's own is 2020")
    chosen = parser.parse_args()
    command = " ".join(["python", *sys.argv])
    sys.argv = sys.argv[:1]  # RecBole reads the command line, too.
    chosen.out.mkdir(parents=True, exist_ok=True)
    os.chdir(chosen.out)  # RecBole writes logs where it stands.
    config = Config(model="SASRec", dataset="ml-100k", config_dict=settings(chosen))
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    taken: dict[int, set[int]] = {}
    for user, item in zip(dataset.inter_feat["user_id"], dataset.inter_feat["item_id"], strict=True):
        taken.setdefault(int(user), set()).add(int(item))
    train, validation, test = data_preparation(config, dataset)
    model = SASRec(config, train.dataset)
    trainer, began, curve = Trainer(config, model), time.monotonic(), []

    def keep(epoch: int, score: float) -> None:
        point = {"epoch": epoch + 1, "seconds": round(time.monotonic() - began, 1), "valid_ndcg": float(score)}
        curve.append({**point, "cpu_seconds": round(time.process_time(), 1)})
        with Path("curve.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(curve[-1]) + "\n")

    trainer.fit(train, validation, saved=True, show_progress=False, callback_fn=keep)
    found = trainer.evaluate(test, load_best_model=True, show_progress=False)
    best = max(curve, key=lambda point: point["valid_ndcg"])
    line: dict[str, Any] = {
        "row": "ml-100k",
        "who": "RecBole 1.2.1, SASRec",
        "metric": "NDCG@10",
        "value": float(found["ndcg@10"]),
        "protocol": "leave-one-out in order of time, 943 users; full ranking of all items, best epoch by validation",
        "seed": chosen.seed,
        "minutes": round(best["seconds"] / 60, 2),
        "cpu_minutes": round(best["cpu_seconds"] / 60, 2),
        "valid": best["valid_ndcg"],
        "epoch": best["epoch"],
        "command": command,
        "machine": f"{platform.machine()}, {platform.processor() or platform.system()}",
        "versions": {package: version(package) for package in ("recbole", "torch", "numpy")},
        "date": date.today().isoformat(),
    }
    new = without_history(model.eval(), test.dataset.inter_feat, taken)
    print(json.dumps(line))
    protocol = line["protocol"].replace("all items", "all items but what the user took before")
    other = {"row": "ml-100k, new items", "metric": "new items: NDCG@10", "value": new, "protocol": protocol}
    print(json.dumps({**line, **other}))


if __name__ == "__main__":
    main()
