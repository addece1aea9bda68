"""Training steps and sampling of ours and of nanoGPT's model, in turns, at nanoGPT's settings for a CPU.

Usage: python benchmarks/language/speed.py NANOGPT [--rounds 15] [--steps 10] [--results FILE]

NANOGPT is a clone of github.com/karpathy/nanoGPT. A step is all that training does with a batch: forward, backward,
norm of the gradient, AdamW. Batches are the same numbers for all. Told are tokens a second by the wall and, for a
machine that others use as well, by the time of the processor; ratios are medians over rounds with quartiles.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from datetime import date
from io import StringIO
from pathlib import Path
from types import ModuleType

import torch

from regard.data.tokens import TextBatch
from regard.data.vocabulary import Characters
from regard.models import Stack
from regard.tasks.language import Language
from regard.tasks.language_settings import Config
from regard.train.generation import Cache, Sampling, generate
from regard.train.run_folder import write_text

BLOCK, BATCH, LETTERS = 64, 12, 65
Step = Callable[[torch.Tensor, torch.Tensor], None]


def ours(precision: str) -> Step:
    """A step as the runner makes it."""
    task = Language(Config(), Characters.fit(["".join(map(chr, range(65, 65 + LETTERS)))], 100))
    optimizer = torch.optim.AdamW(task.model.parameters(), 1e-3, betas=(0.9, 0.98), weight_decay=0.1, fused=True)

    def step(inputs: torch.Tensor, targets: torch.Tensor) -> None:
        # Four numbers are kept for what is no letter.
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss = task.loss(task.model, TextBatch(inputs + 4, targets + 4))
        loss.sum.backward()
        grads = [parameter.grad for parameter in task.model.parameters() if parameter.grad is not None]
        torch._foreach_mul_(grads, 1 / float(loss.count))
        torch.nn.utils.clip_grad_norm_(task.model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def theirs(peer: ModuleType, precision: str) -> Step:
    """A step as their train.py makes it; bfloat16, which it does not offer on a CPU, by autocast."""
    model = their_model(peer)
    with redirect_stdout(StringIO()):
        optimizer = model.configure_optimizers(0.1, 1e-3, (0.9, 0.99), "cpu")

    def step(inputs: torch.Tensor, targets: torch.Tensor) -> None:
        with torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else nullcontext():
            _scores, loss = model(inputs, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()

    return step


def their_model(peer: ModuleType) -> torch.nn.Module:
    """Their model at their settings for a CPU."""
    with redirect_stdout(StringIO()):
        settings = peer.GPTConfig(
            block_size=BLOCK, vocab_size=LETTERS, n_layer=4, n_head=4, n_embd=128, dropout=0.0, bias=False
        )
        return peer.GPT(settings)


def rates(contenders: dict[str, Callable[[], int]], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Tokens a second by wall and by processor, for each contender in each round; the first round is thrown away."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, work in contenders.items():
            wall, processor = time.perf_counter(), time.process_time()
            tokens = work()
            spent = (time.perf_counter() - wall, time.process_time() - processor)
            if number:
                found[name].append((tokens / spent[0], tokens / spent[1]))
    return found


def training(peer: ModuleType, steps: int) -> dict[str, Callable[[], int]]:
    """A few steps of every contender, on the same batches."""
    generator = torch.Generator().manual_seed(1)
    windows = torch.randint(LETTERS, (steps, BATCH, BLOCK + 1), generator=generator)
    made = {
        "regard, bfloat16": ours("bfloat16"),
        "nanoGPT": theirs(peer, "float32"),
        "regard, float32": ours("float32"),
        "nanoGPT, bfloat16": theirs(peer, "bfloat16"),
    }

    def run(step: Step) -> Callable[[], int]:
        def work() -> int:
            for window in windows:
                step(window[:, :-1].contiguous(), window[:, 1:].contiguous())
            return steps * BATCH * BLOCK

        return work

    return {name: run(step) for name, step in made.items()}


def sampling(peer: ModuleType, count: int = 200) -> dict[str, Callable[[], int]]:
    """One text of some tokens, as each writes it."""
    torch.manual_seed(1)
    model, their = Stack().build(LETTERS + 4).eval(), their_model(peer).eval()
    allowed = torch.ones(LETTERS + 4, dtype=torch.bool)

    def write(cache: Cache) -> Callable[[], int]:
        settings = Sampling(temperature=0.8, maximum=count, cache=cache)
        return lambda: len(list(generate(model, [2], settings, longest=BLOCK, allowed=allowed)))

    def theirs_writes() -> int:
        with torch.no_grad():
            return their.generate(torch.zeros(1, 1, dtype=torch.long), count, temperature=0.8).shape[1] - 1

    return {
        "regard, keys kept": write(Cache.KEYS),
        "nanoGPT": theirs_writes,
        "regard, nothing kept": write(Cache.NONE),
    }


def lines(row: str, found: dict[str, list[tuple[float, float]]], protocol: str) -> list[dict[str, object]]:
    """A line of results for every contender, with its ratio to the peer as it is."""
    peer, told = found["nanoGPT"], []
    for name, values in found.items():
        ratios = [[ours[kind] / others[kind] for ours, others in zip(values, peer, strict=True)] for kind in (0, 1)]
        quartiles = [[round(cut, 3) for cut in statistics.quantiles(one, n=4)] for one in ratios]
        told.append(
            {
                "row": row,
                "who": name,
                "metric": "tokens a second",
                "value": round(statistics.median(wall for wall, _ in values)),
                "by_processor": round(statistics.median(processor for _, processor in values)),
                "times_nanogpt": quartiles[0],
                "times_nanogpt_by_processor": quartiles[1],
                "rounds": len(values),
                "protocol": protocol,
                "threads": torch.get_num_threads(),
                "seed": 1,
                "command": shlex.join(["python", *sys.argv]),
                "machine": f"{platform.machine()}, 2 cores of an Intel Xeon with AMX",
                "versions": {"torch": torch.__version__, "nanoGPT": "3adf61e"},
                "date": date.today().isoformat(),
            }
        )
    return told


def peer_module(folder: Path) -> ModuleType:
    """Their model.py."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Their configuration is a dataclass, which looks its module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nanogpt", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--results", type=Path)
    given = parser.parse_args()
    peer = peer_module(given.nanogpt)
    shape = f"4 layers, 4 heads, 128 wide, {BATCH} windows of {BLOCK}, dropout 0"
    found = lines("training speed", rates(training(peer, given.steps), given.rounds), f"forward to AdamW; {shape}")
    found += lines("sampling speed", rates(sampling(peer), max(2, given.rounds // 3)), "200 tokens, one text")
    for line in found:
        print(json.dumps(line))
    if given.results is not None:
        before = given.results.read_text(encoding="utf-8").splitlines() if given.results.exists() else []
        fresh = {(line["row"], line["who"], line["threads"]) for line in found}
        kept = [one for one in map(json.loads, before) if (one["row"], one["who"], one.get("threads")) not in fresh]
        given.results.parent.mkdir(parents=True, exist_ok=True)
        write_text(given.results, "".join(json.dumps(line) + "\n" for line in [*kept, *found]))


if __name__ == "__main__":
    main()
