"""A nanoGPT checkpoint scored as ours are. Usage: python held_out.py NANOGPT, in the environment of the peer.

NANOGPT is a clone with out-shakespeare-char/ckpt.pt and data/shakespeare_char/. Every character of val.bin (the last
tenth) is predicted once, in windows of the block's size side by side.
"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import torch


def main(folder: Path) -> None:
    sys.path.insert(0, str(folder))
    from model import GPT, GPTConfig

    # The peer pickles its settings beside its weights, so this is for a file that one has written oneself.
    stored = torch.load(folder / "out-shakespeare-char" / "ckpt.pt", map_location="cpu", weights_only=True)
    with redirect_stdout(StringIO()):
        model = GPT(GPTConfig(**stored["model_args"]))
    model.load_state_dict(stored["model"])
    tokens = torch.from_numpy(
        np.fromfile(folder / "data" / "shakespeare_char" / "val.bin", np.uint16).astype(np.int64)
    )
    block, nats, count = stored["model_args"]["block_size"], 0.0, 0
    with torch.no_grad():
        for start in range(0, len(tokens) - 1, block):
            window = tokens[start : start + block + 1]
            _scores, loss = model.eval()(window[None, :-1], window[None, 1:])
            nats, count = nats + float(loss) * (len(window) - 1), count + len(window) - 1
    print(json.dumps({"iteration": stored["iter_num"], "tokens": count, "loss": nats / count}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
