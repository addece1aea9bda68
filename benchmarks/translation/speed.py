"""Training of the translators with and without native kernels, in turns, each in a process of its own.

Usage: python benchmarks/translation/speed.py [--rounds 5] [--steps 60] [--results FILE] [SETTING ...]

Settings are those of `regard train translation`, whose recipe is the demonstration. A step is all that
training does with a batch. Told are target tokens a second of the wall, medians over rounds; ratios within a round.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

WITHOUT, WITH = "blocks and PyTorch", "native kernels"
FIRST = 20  # steps that warm up


def speed(settings: list[str], steps: int) -> float:
    """Target tokens a second of some steps in this process."""
    import torch

    from regard.cli.settings import parse
    from regard.tasks.translation import Translation

    config, _yaml = parse(Translation.recipe, settings)
    task = Translation.of(config, config.data.load())
    optimizer = torch.optim.AdamW(task.model.parameters(), config.training.learning_rate, fused=True)
    batches = [task.collate(indices) for indices in task.batches(0)[: steps + FIRST]]
    tokens, begun = 0, 0.0
    for number, batch in enumerate(batches):
        if number == FIRST:
            tokens, begun = 0, time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            loss = task.loss(task.model, batch)
        (loss.sum / loss.count).backward()
        torch.nn.utils.clip_grad_norm_(task.model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        tokens += int(loss.count)
    return tokens / (time.perf_counter() - begun)


def in_a_process(kernels: str, settings: list[str], steps: int) -> float:
    """The same in a process of its own, whose kernels are those that the chip has or none."""
    environment = {name: text for name, text in os.environ.items() if name != "REGARD_ISA"}
    if kernels == WITHOUT:
        environment["REGARD_ISA"] = "none"
    command = [sys.executable, __file__, "--alone", "--steps", str(steps), *settings]
    return float(subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout)


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--alone", action="store_true", help="one figure of this process, for the others")
    parser.add_argument("settings", nargs="*")
    given = parser.parse_args()
    if given.rounds < 2:
        parser.error(f"--rounds is {given.rounds}, expected 2 or more: quartiles need them")
    if given.alone:
        print(speed(given.settings, given.steps))
        return
    rounds = [
        {kernels: in_a_process(kernels, given.settings, given.steps) for kernels in (WITHOUT, WITH)}
        for _ in range(given.rounds)
    ]
    line = {
        "settings": given.settings,
        "tokens_a_second": {name: round(statistics.median(one[name] for one in rounds)) for name in (WITHOUT, WITH)},
        "ratio": [round(cut, 3) for cut in statistics.quantiles([one[WITH] / one[WITHOUT] for one in rounds], n=4)],
        "rounds": given.rounds,
        "command": shlex.join(["python", *sys.argv]),
        "date": date.today().isoformat(),
    }
    print(json.dumps(line))
    if given.results is not None:
        with given.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
