"""Multi30k: descriptions of pictures, German and English."""

from __future__ import annotations

from pathlib import Path

from regard.data.parallel import Pair, read_parallel
from regard.data.sources import Official, obtain
from regard.data.splits import Splits

SUMMARY = "German-English picture descriptions, 29,000 pairs, test_2016_flickr"
LICENCE = "research use; cite Elliott et al. 2016"
CITATION = "Elliott, Frank, Sima'an and Specia 2016 (Multi30K: Multilingual English-German Image Descriptions)"
_ADDRESS = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw"
_SHA256 = {
    "train.de": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    "train.en": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    "val.de": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    "val.en": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    "test_2016_flickr.de": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    "test_2016_flickr.en": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
}


def load(folder: Path | None = None) -> Splits[Pair]:
    """The pairs, from a local folder with the official file names (plain or .gz), or the official address.

    Raises:
        ValueError: a file is damaged, or the two sides differ in length.
        OSError: a file cannot be had.
    """
    parts = {
        part: read_parallel(_file(f"{part}.de", folder), _file(f"{part}.en", folder))
        for part in ("train", "val", "test_2016_flickr")
    }
    return Splits("multi30k", parts["train"], parts["val"], parts["test_2016_flickr"], LICENCE, CITATION)


def _file(name: str, folder: Path | None) -> Path:
    if folder is not None:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.exists():
                return path
        raise FileNotFoundError(f"{folder} has neither {name} nor {name}.gz, which Multi30k needs.")
    advice = "Download the files by hand and name their folder with data.folder=FOLDER."
    return obtain([Official(f"{_ADDRESS}/{name}.gz", _SHA256[name])], advice)
