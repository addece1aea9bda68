"""Run a verb and write down what it cost: peak memory of a fresh process, and the size of the model."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from regard.cli import main as run_verb


def main(arguments: list[str]) -> int:
    """`FOLDER VERB ...`: run the verb, then write FOLDER/cost.json, by which it is finished; the verb's exit code."""
    folder, *verb = arguments
    code = run_verb(verb)
    if code == 0:
        from safetensors import safe_open

        from regard.cli.origin import origin
        from regard.train.run_folder import RunFolder

        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # The system counts kibibytes, except on macOS, which counts bytes.
        mebibytes = used / (2**20 if sys.platform == "darwin" else 2**10)
        with safe_open(Path(folder) / "model.safetensors", "pt") as weights:
            count = sum(weights.get_tensor(name).numel() for name in weights.offset_keys())
        cost = {"peak_mebibytes": round(mebibytes), "parameters": count, **origin()}
        RunFolder(Path(folder)).write_json("cost.json", cost)
    return code
