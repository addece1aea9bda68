"""What recording costs, how long a look at a record takes, and what is aimed at.

python benchmarks/look/record.py model [FOLDER] [--tokens 8192] [--rounds 3]
    SmolLM2-135M, or a folder's model, reads chapters of Moby Dick from the 54th on
python benchmarks/look/record.py synthetic [--tokens 100000]
    a causal record of random numbers, 8 heads of 64

Each prints a line for every aim and, with --results FILE, adds a line of JSON to a file. Memory is that of processes
of their own. Recording and the plain forward are interleaved; medians. A record is served by a process of its own and
opened in headless chromium; a tile is timed from the change of the view to the picture on the screen. The other verbs
are the steps that these two start.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

HEADS, SIZE = 8, 64
MIB = 1 << 20


@dataclass(frozen=True)
class Line:
    """One aim: what was measured, and the most that it should be."""

    what: str
    measured: float
    unit: str
    aim: float

    def told(self) -> str:
        verdict = "met" if self.measured <= self.aim else "MISSED"
        return f"{verdict:<7}{self.what:<62}{self.measured:>10.4g} {self.unit:<9}aim {self.aim:g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--tokens", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path)
    given = parser.parse_args()
    given.tokens = given.tokens or (100_000 if given.step in ("synthetic", "random") else 8192)
    STEPS[given.step](given)


def step(name: str, folder: Path | None, **options: Any) -> Any:
    """What a step prints, made by a process of its own, and the most memory that it had."""
    words = [] if folder is None else [str(folder)]
    settings = [f"--{key}={value}" for key, value in options.items()]
    done = subprocess.run([sys.executable, __file__, name, *words, *settings], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def told(found: dict[str, Any]) -> None:
    print(json.dumps({**found, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def opened(folder: Path) -> Any:
    from transformers import AutoModel

    return AutoModel.from_pretrained(folder, local_files_only=True, dtype="float32").eval()


def words_of(folder: Path, count: int) -> tuple[Any, list[str]]:
    """Numbers of the first tokens of a text that is long enough, and the tokens."""
    from transformers import AutoTokenizer

    from regard.data.moby_dick import chapter

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    text = "\n\n".join(chapter(number) for number in range(54, 54 + 1 + count // 4000))
    numbers = tokenizer(text, return_tensors="pt", truncation=True, max_length=count)["input_ids"]
    assert numbers.shape[1] == count
    return numbers, tokenizer.convert_ids_to_tokens(numbers[0].tolist())


def read(given: argparse.Namespace) -> None:
    """One forward: plain with rounds of 0, recorded with 1. Its peak memory is what is wanted."""
    import torch

    import regard as rg

    model = opened(given.folder)
    numbers, tokens = words_of(given.folder, given.tokens)
    with torch.no_grad():
        if not given.rounds:
            model(input_ids=numbers, use_cache=False)
            told({"bytes": 0})
            return
        with rg.record(model, tokens={"text": tokens}) as seen:
            model(input_ids=numbers, use_cache=False)
    told({"bytes": seen.record.bytes})


def interleaved(given: argparse.Namespace) -> None:
    """Plain and recorded forwards in turn; the last record is saved beside."""
    import torch

    import regard as rg

    model = opened(given.folder)
    numbers, tokens = words_of(given.folder, given.tokens)
    plain, recorded, same = [], [], True
    with torch.no_grad():
        model(input_ids=numbers[:, :64], use_cache=False)
        for _round in range(given.rounds):
            outputs = []
            plain.append(seconds(lambda: outputs.append(model(input_ids=numbers, use_cache=False)[0])))  # noqa: B023
            seen = rg.record(model, tokens={"text": tokens})
            with seen:
                recorded.append(
                    seconds(lambda: outputs.append(model(input_ids=numbers, use_cache=False)[0]))  # noqa: B023
                )
            same = same and bool((outputs[0] == outputs[1]).all())
    seen.save(given.results)
    proof = max(layer.proof.weights for layer in seen.values())
    told({"plain": plain, "recorded": recorded, "same": same, "proof": proof, "unseen": dict(seen.record.unseen)})


def overviews(given: argparse.Namespace) -> None:
    """Every head's overview of a saved record."""
    import regard as rg
    from regard.look.views import views_of

    views = views_of(rg.load_record(given.folder))
    views.overview(0)
    every = range(len(views.record.layers))
    told({"seconds": seconds(lambda: [views.overview(layer) for layer in every])})


def random(given: argparse.Namespace) -> None:
    """Save a causal record of random queries and keys, its row numbers found by the kernels."""
    import torch

    import regard as rg
    from regard.look.attended import Attended, Proof
    from regard.look.record import Record
    from regard.look.sight import Sight

    generator = torch.Generator().manual_seed(0)
    query, key = (torch.randn(1, HEADS, given.tokens, SIZE, generator=generator) for _ in range(2))
    with torch.no_grad():
        lse = rg.statistics(query, key, rg.Wanted(lse=True), where=rg.Causal()).lse
    assert lse is not None
    rows, proof = torch.arange(given.tokens), Proof(0.0, 0.0, 0)
    one = Attended("random", query, key, lse, rows, SIZE**-0.5, None, None, Sight(right=0), proof)
    numbers = tuple(str(number) for number in range(given.tokens))
    Record((one,), {}, {}, {"class": "random"}).told({"text": numbers}).save(given.folder)
    told({})


def sums(given: argparse.Namespace) -> None:
    """The largest difference from 1 of the sums of rows of tiles, put together from one edge to the other."""
    import torch

    import regard as rg
    from regard.look.views import TILE, Address, views_of

    views = views_of(rg.load_record(given.folder))
    one = views.record.layers[0]
    downs = torch.linspace(0, (one.queries - 1) // TILE, 7).long().tolist()
    apart = []
    for number, down in enumerate(downs):
        at = [Address(0, number % one.heads, 0, 0, down, across) for across in range(-(-one.keys // TILE))]
        apart.append(abs(sum(views.tile(each).astype("float64").sum(1) for each in at) - 1).max())
    told({"largest": float(max(apart))})


def serve(given: argparse.Namespace) -> None:
    """Serve a record until this process is ended; its address is printed."""
    import regard as rg
    from regard.look.server.serving import serving
    from regard.look.views import views_of
    from regard.look.views_map import Sinks

    record = rg.load_record(given.folder)
    found = serving(record, {sinks: views_of(record, sinks) for sinks in Sinks})
    print(json.dumps(found.address), flush=True)
    found.run()


def in_browser(record: Path) -> dict[str, Any]:
    """What somebody sees who opens a record, and the memory of the server meanwhile."""
    from looked import looked_at

    command = [sys.executable, __file__, "serve", str(record)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = looked_at(json.loads(server.stdout.readline()))
            status = Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
            sizes = dict(line.split(":", 1) for line in status.splitlines())
            memory = {name: int(sizes[name].split()[0]) / 1024 for name in ("VmHWM", "RssAnon", "RssFile")}
        finally:
            server.terminate()
    return {**found, "server_mib": memory}


def model(given: argparse.Namespace) -> None:
    folder = given.folder
    if folder is None:
        from regard.data.pretrained import PRETRAINED

        folder = next(one for one in PRETRAINED if one.name == "smollm2").folder()
    lengths = [given.tokens // 4, given.tokens // 2, given.tokens]
    memory = [{kind: step("read", folder, tokens=count, rounds=kind) for kind in (0, 1)} for count in lengths]
    more = [each[1]["peak_mib"] - each[0]["peak_mib"] for each in memory]
    with TemporaryDirectory() as temporary:
        record = Path(temporary) / "record"
        ran = step("interleaved", folder, tokens=given.tokens, rounds=given.rounds, results=record)
        overview = step("overviews", record)
        seen = in_browser(record)
    sizes = [each[1]["bytes"] / MIB for each in memory]
    lines = [
        Line("recording / plain forward", median(ran["recorded"]) / median(ran["plain"]), "x", 1.3),
        Line("bytes of a record, twice as long / as long (2 is linear)", sizes[2] / sizes[1], "x", 2.1),
        Line("memory beside the plain forward's / bytes of the record", more[2] / sizes[2], "x", 1.5),
        Line("overview of every head", overview["seconds"], "s", 2),
        Line("exact tile of 256 x 256, view changed to picture, median", median(seen["tile_ms"]), "ms", 50),
        Line("the same tile's request, median", median(seen["request_ms"]), "ms", 50),
    ]
    raw = {"lengths": lengths, "memory": memory, "more_mib": more, "record_mib": sizes, **ran, **seen}
    report(given, lines, {**raw, "overview": overview})


def synthetic(given: argparse.Namespace) -> None:
    with TemporaryDirectory() as temporary:
        record = Path(temporary) / "record"
        step("random", record, tokens=given.tokens)
        seen = in_browser(record)
        apart = step("sums", record)
    lines = [
        Line("first picture in the browser", seen["first_picture_s"], "s", 3),
        Line("tile at full zoom, view changed to picture, largest of 30", max(seen["tile_ms"]), "ms", 100),
        Line("the same tiles' requests, largest", max(seen["request_ms"]), "ms", 100),
        Line("sum of a row, largest difference from 1", apart["largest"], "", 2e-6),
        Line("memory of the server, most", seen["server_mib"]["VmHWM"], "MiB", 1536),
    ]
    report(given, lines, {**seen, "sums": apart})


def report(given: argparse.Namespace, lines: list[Line], raw: dict[str, Any]) -> None:
    import torch

    print("\n".join(line.told() for line in lines))
    if given.results is None:
        print(json.dumps(raw))
        return
    row = {
        "row": given.step,
        "tokens": given.tokens,
        "aims": [asdict(line) for line in lines],
        **raw,
        "command": f"python benchmarks/look/record.py {given.step}",
        "machine": f"{platform.machine()}, {platform.system()}",
        "threads": torch.get_num_threads(),
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "date": datetime.now(UTC).date().isoformat(),
    }
    with given.results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


STEPS: dict[str, Callable[[argparse.Namespace], None]] = {
    "model": model,
    "synthetic": synthetic,
    "read": read,
    "interleaved": interleaved,
    "overviews": overviews,
    "random": random,
    "sums": sums,
    "serve": serve,
}

if __name__ == "__main__":
    main()
