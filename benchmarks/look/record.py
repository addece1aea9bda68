"""What recording costs, and how long a look at a record takes.

python benchmarks/look/record.py model [FOLDER]     8,192 tokens through SmolLM2-135M's shape, or a folder's model
python benchmarks/look/record.py synthetic          a record of 100,000 tokens, 8 heads of 64, of random numbers

Each prints one JSON object. Recording and the plain forward are interleaved; medians. Peak memory is that of the
process, so run one after the other. A model in a folder needs transformers and its files, and is opened offline.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch

import regard as rg
from regard.look.attended import Attended, Proof, row_sums
from regard.look.record import Record
from regard.look.sight import Sight
from regard.look.views import Address, views_of

TOKENS, LONG, HEADS, SIZE = 8192, 100_000, 8, 64
ROUNDS = 3


def main() -> None:
    what, *rest = sys.argv[1:]
    path = Path(rest[0]) if rest else None
    found = of_model(path) if what == "model" else synthetic(path)
    told = {"torch": torch.__version__, "threads": torch.get_num_threads(), "peak_mib": peak()}
    print(json.dumps({**found, **told}, indent=1))


def peak() -> int:
    """Most memory that the process had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def model_of(folder: Path | None) -> torch.nn.Module:
    from transformers import AutoModel, LlamaConfig, LlamaModel

    if folder is not None:
        files = sorted(folder.glob("*.gguf"))
        named = {"gguf_file": files[0].name} if files else {}
        return AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32, **named).eval()
    shape = {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "vocab_size": 49152}
    heads = {"num_attention_heads": 9, "num_key_value_heads": 3, "max_position_embeddings": TOKENS}
    torch.manual_seed(0)
    return LlamaModel(LlamaConfig(**shape, **heads)).eval()


@torch.no_grad()
def of_model(folder: Path | None) -> dict[str, Any]:
    model = model_of(folder)
    ids = torch.randint(0, 49152, (1, TOKENS), generator=torch.Generator().manual_seed(1))
    model(input_ids=ids[:, :64])
    plain, recorded = [], []
    for _round in range(ROUNDS):
        plain.append(seconds(lambda: model(input_ids=ids)))
        before = peak()
        seen = rg.record(model, tokens={"text": [str(number) for number in ids[0].tolist()]})
        with seen:
            recorded.append(seconds(lambda: model(input_ids=ids)))
    del model
    views = views_of(seen.record)
    overviews = seconds(lambda: [views.overview(layer) for layer in range(len(seen.record.layers))])
    tiles = [seconds(lambda at=at: views.tile(Address(at, at % 9, 0, 0, at, at // 2))) for at in range(30)]
    whole = seconds(lambda: views.tile(Address(15, 4, 0, views.zooms(15) - 1, 0, 0)))
    return {
        "tokens": TOKENS,
        "plain_seconds": median(plain),
        "recorded_seconds": median(recorded),
        "ratio": median(recorded) / median(plain),
        "rounds": [plain, recorded],
        "record_mib": seen.record.bytes >> 20,
        "peak_mib_before_the_last_recording": before,
        "unseen": dict(seen.record.unseen),
        "proof": max(layer.proof.weights for layer in seen.values()),
        "overview_of_all_heads_seconds": overviews,
        "tile_milliseconds": [1000 * each for each in (median(tiles), max(tiles))],
        "whole_map_seconds": whole,
    }


def random_record(length: int) -> Record:
    """A causal record of random queries and keys, its row numbers found by the kernels."""
    generator = torch.Generator().manual_seed(0)
    query, key = (torch.randn(1, HEADS, length, SIZE, generator=generator) for _ in range(2))
    with torch.no_grad():
        lse = rg.statistics(query, key, rg.Wanted(lse=True), where=rg.Causal()).lse
    assert lse is not None
    rows = torch.arange(length)
    proof = Proof(0.0, 0.0, 0)
    one = Attended("random", query, key, lse, rows, SIZE**-0.5, None, None, Sight(right=0), proof)
    numbers = tuple(str(number) for number in range(length))
    layers = (one,)
    return Record(layers, {}, {}, {"class": "random"}).told({"text": numbers})


@torch.no_grad()
def synthetic(path: Path | None) -> dict[str, Any]:
    if path is not None:
        random_record(LONG).save(path)
        return {}
    with TemporaryDirectory() as folder:
        made = Path(folder) / "record"
        # Made by another process, so that this one's memory is that of looking.
        subprocess.run([sys.executable, __file__, "synthetic", str(made)], check=True, stdout=subprocess.DEVNULL)
        return looked_at(made)


def looked_at(path: Path) -> dict[str, Any]:
    start = time.perf_counter()
    views = views_of(rg.load_record(path))
    top = views.zooms(0) - 1
    overview = seconds(lambda: views.overview(0))
    glance = seconds(lambda: views.glance(Address(0, 0, 0, top, 0, 0)))
    first = time.perf_counter() - start
    tiles = []
    for place in range(50):
        at = Address(0, place % HEADS, 0, 0, 390 - 7 * place, (390 - 7 * place) * place // 50)
        tiles.append(1000 * seconds(lambda at=at: views.tile(at)))
    one = views.record.layers[0]
    rows = torch.linspace(0, LONG - 1, 200).long()
    found = [(row_sums(one, 0, head, rows) - one.lse[0, head][rows]).exp() for head in range(2)]
    sums = max(float((each - 1).abs().max()) for each in found)
    exact = seconds(lambda: views.tile(Address(0, 0, 0, top, 0, 0)))
    zoomed = [seconds(lambda zoom=zoom: views.tile(Address(0, 0, 0, zoom, 1, 0))) for zoom in (2, 4, 6)]
    return {
        "tokens": LONG,
        "heads": HEADS,
        "first_picture_seconds": first,
        "of_which": {"overview": overview, "glance": glance},
        "tile_milliseconds": [median(tiles), max(tiles)],
        "row_sums_from_1": sums,
        "whole_map_exact_seconds": exact,
        "zoom_2_4_6_seconds": zoomed,
        "tracks_seconds": seconds(lambda: views.tracks(0, 1)),
    }


if __name__ == "__main__":
    main()
