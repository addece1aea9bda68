"""Train Stanza's tagger from scratch, without vectors and without a character language model, and keep its curve.

python -m venv ENV && ENV/bin/pip install -r benchmarks/peers/tagging/requirements.txt
OMP_NUM_THREADS=1 ENV/bin/python benchmarks/tagging/stanza_curve.py FOLDER OUT --cpu-minutes 30

FOLDER holds en_ewt-ud-{train,dev,test}.conllu. Everything but what is named here is Stanza's default: 250 sentences a
batch, a validation every 100 steps, UPOS, XPOS and features learned together. OUT gets a model for each validation, and
curve.jsonl: one line a validation with the step, seconds of the processor and of the wall, and UPOS on the dev set. It
ends soon after the limit. Seconds are counted of the processor too, as others use the machine.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import time
from pathlib import Path

from stanza.models import tagger

_SCORES = re.compile(r"^([\d.]+)\t[\d.]+\t[\d.]+\t[\d.]+$")
_STEP = re.compile(r"^step (\d+): ")


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


def main() -> None:
    """Train until the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cpu-minutes", type=float, default=30.0)
    parser.add_argument("--batch", type=int, default=250, help="sentences a batch; Stanza's own is 250")
    parser.add_argument("--every", type=int, default=100, help="steps between validations; Stanza's own is 100")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    logging.getLogger("stanza").addHandler(Curve(chosen.out / "curve.jsonl", 60 * chosen.cpu_minutes))
    files = {part: str(chosen.folder / f"en_ewt-ud-{part}.conllu") for part in ("train", "dev")}
    settings = ["--mode", "train", "--lang", "en", "--shorthand", "en_ewt", "--no_pretrain", "--cpu", "--save_each"]
    settings += ["--train_file", files["train"], "--eval_file", files["dev"], "--save_dir", str(chosen.out)]
    settings += ["--batch_size", str(chosen.batch), "--eval_interval", str(chosen.every), "--fix_eval_interval"]
    tagger.main(settings)


if __name__ == "__main__":
    main()
