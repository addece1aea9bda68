"""Train Stanza's tagger from scratch, without vectors and without a character language model, and keep its curve.

python -m venv ENV && ENV/bin/pip install -r benchmarks/peers/tagging/requirements.txt
OMP_NUM_THREADS=1 ENV/bin/python benchmarks/tagging/stanza_curve.py FOLDER OUT --cpu-minutes 60

FOLDER holds en_ewt-ud-{train,dev,test}.conllu. Everything but what is named here is Stanza's default: 250 sentences
a batch, a validation every 100 steps, UPOS, XPOS and features learned together. OUT gets a model for each validation,
and curve.jsonl: one line a validation with the step, seconds of the processor and of the wall, and UPOS on the dev
set. Seconds are counted of the processor too, as others may use the machine. Soon after the limit, the model with the
best UPOS on the dev set tags the test set, once; what is printed last is a line for benchmarks/results/tagging.jsonl.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import re
import sys
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stanza.models import tagger

_SCORES = re.compile(r"^([\d.]+)\t[\d.]+\t[\d.]+\t[\d.]+$")
_STEP = re.compile(r"^step (\d+): ")
_ALWAYS = ["--lang", "en", "--shorthand", "en_ewt", "--no_pretrain", "--cpu"]


class Curve(logging.Handler):
    """Reads what Stanza logs at a validation."""

    def __init__(self, path: Path, limit: float) -> None:
        super().__init__()
        self.path, self.limit, self.upos = path, limit, 0.0
        self.began = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the scores, write a point once the step is known, and stop at the first step after the limit."""
        text = record.getMessage()
        if scores := _SCORES.match(text):
            self.upos = float(scores[1])
        if step := _STEP.match(text):
            self._write(int(step[1]))
        if text.startswith("Finished STEP") and time.process_time() > self.limit:
            raise SystemExit(0)

    def _write(self, step: int) -> None:
        point = {
            "step": step,
            "cpu_seconds": round(time.process_time(), 1),
            "wall_seconds": round(time.monotonic() - self.began, 1),
            "dev_upos": self.upos,
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(point) + "\n")


def train(chosen: argparse.Namespace) -> None:
    """Train until the limit, or until Stanza itself ends."""
    files = {part: str(chosen.folder / f"en_ewt-ud-{part}.conllu") for part in ("train", "dev")}
    settings = ["--mode", "train", *_ALWAYS, "--save_each", "--save_dir", str(chosen.out)]
    settings += ["--train_file", files["train"], "--eval_file", files["dev"], "--batch_size", str(chosen.batch)]
    settings += ["--eval_interval", str(chosen.every), "--fix_eval_interval"]
    try:
        tagger.main(settings)
    except SystemExit:
        return


def scored(chosen: argparse.Namespace, curve: Curve) -> dict[str, Any]:
    """The best model on the test set, and where the number is from."""
    points = [json.loads(line) for line in curve.path.read_text(encoding="utf-8").splitlines()]
    best = max(points, key=lambda point: point["dev_upos"])
    name = f"en_ewt_nopretrain_tagger_{best['step']:05d}.pt"
    settings = ["--mode", "predict", *_ALWAYS, "--save_dir", str(chosen.out), "--save_name", name]
    tagger.main([*settings, "--eval_file", str(chosen.folder / "en_ewt-ud-test.conllu")])
    return {
        "row": "ud-ewt",
        "who": f"Stanza {version('stanza')}, from scratch",
        "metric": "accuracy",
        "value": curve.upos,
        "protocol": "UPOS of given words, by Stanza's own scorer; best on dev, test read once",
        "seed": 1234,
        "minutes": round(best["wall_seconds"] / 60, 2),
        "cpu_minutes": round(best["cpu_seconds"] / 60, 2),
        "dev": best["dev_upos"],
        "step": best["step"],
        "batch": chosen.batch,
        "command": " ".join(["python", *sys.argv]),
        "machine": f"{platform.machine()}, {platform.processor() or platform.system()}",
        "versions": {package: version(package) for package in ("stanza", "torch")},
        "date": date.today().isoformat(),
    }


def main() -> None:
    """Train until the limit, then score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cpu-minutes", type=float, default=60.0, help="0 scores what lies in OUT already")
    parser.add_argument("--batch", type=int, default=250, help="sentences a batch; Stanza's own is 250")
    parser.add_argument("--every", type=int, default=100, help="steps between validations; Stanza's own is 100")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    curve = Curve(chosen.out / "curve.jsonl", 60 * chosen.cpu_minutes)
    logging.getLogger("stanza").addHandler(curve)
    if chosen.cpu_minutes > 0:
        train(chosen)
    print(json.dumps(scored(chosen, curve)))


if __name__ == "__main__":
    main()
