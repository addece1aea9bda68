"""Which library is loaded, what forces another, and that PyTorch's threads work for it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import regard as rg
import regard_build
from regard.attention import native
from regard.attention.native import library
from regard.attention.native.library import LEVELS, Kernels, kernels, level_for

ROOT = Path(__file__).parents[2]
# The structs that Python fills in.
GIVEN = ("Chosen", "Facts", "Outer", "Problem", "RowNumber", "Strided")
SHOW = """
import ctypes, json
import torch
from regard.attention.native.library import kernels
found = kernels()
if found.loaded is not None:
    found.loaded.regard_level.restype = ctypes.c_char_p
    level, threads = found.loaded.regard_level().decode(), found.loaded.regard_threads_at_work(2, 5000)
else:
    level, threads = None, 1
print(json.dumps({"level": found.level, "says": level, "threads": threads, "missing": found.missing}))
"""


def shown(**variables: str) -> dict[str, str | int | None]:
    """What a process of its own says of the kernels that it loads."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    found: dict[str, str | int | None] = json.loads(done.stdout)
    return found


def loaded() -> Kernels:
    """The kernels, or a skipped test where no compiler works."""
    if kernels().missing is not None:
        pytest.skip(f"no native kernels: {kernels().missing}")
    return kernels()


def best() -> str:
    """The best level of this chip, as the system lists its instructions."""
    flags = set(Path("/proc/cpuinfo").read_text().split())
    wide = {"avx512f", "avx512bw", "avx512dq", "avx512vl"}
    halves = wide | {"avx512_bf16"}
    needs = {
        "amx": halves | {"amx_tile", "amx_bf16"},
        "avx512_bf16": halves,
        "avx512": wide,
        "avx2": {"avx2", "fma"},
        "baseline": set(),
    }
    return next(level for level, needed in needs.items() if needed <= flags)


@pytest.fixture
def unread(monkeypatch):
    """Neither variable set, and none read yet; read anew by the next test too."""
    monkeypatch.delenv("REGARD_ISA", raising=False)
    monkeypatch.delenv("REGARD_NATIVE", raising=False)
    kernels.cache_clear()
    yield monkeypatch
    kernels.cache_clear()


def test_there_are_kernels_where_a_compiler_works(unread):
    works = regard_build.supported() and (regard_build.system() or regard_build.zig()) is not None
    assert (kernels().missing is None) == works


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_of_the_chip_can_be_forced_and_has_two_threads(level):
    loaded()
    if LEVELS.index(level) > LEVELS.index(best()):
        pytest.skip(f"this chip has {best()} at most")
    assert shown(REGARD_ISA=level) == {"level": level, "says": level, "threads": 2, "missing": None}


def test_the_best_level_is_loaded_by_itself(unread):
    assert loaded().level == best()


def test_none_is_a_level_and_explained(unread):
    unread.setenv("REGARD_ISA", "none")
    assert kernels() == Kernels(None, None, "REGARD_ISA is 'none'")
    query = torch.zeros(2, 3, 5)
    for score in (rg.Dot(), rg.Additive(5, 5, 7)):
        assert rg.explain(query, query, query, score=score).faster.endswith(
            "; native kernels are missing: REGARD_ISA is 'none'"
        )


def test_kernels_that_are_there_are_not_missed():
    loaded()
    query = torch.zeros(2, 3, 5)
    assert "missing" not in rg.explain(query, query, query, score=rg.Additive(5, 5, 7)).faster


def test_an_unknown_level_is_refused(unread):
    unread.setenv("REGARD_ISA", "avx1024")
    with pytest.raises(ValueError, match="'avx1024', expected one of baseline, avx2, avx512, avx512_bf16, amx, none"):
        kernels()


def test_a_level_that_the_chip_does_not_have_is_refused():
    assert [level_for(wanted, "avx2") for wanted in (None, "baseline", "avx2")] == ["avx2", "baseline", "avx2"]
    with pytest.raises(ValueError, match="REGARD_ISA is 'avx512', but the best level of this chip is 'avx2'"):
        level_for("avx512", "avx2")
    with pytest.raises(ValueError, match="REGARD_ISA is 'avx2', but the best level of this chip is 'baseline'"):
        level_for("avx2", "baseline")


def test_a_level_that_was_not_built_is_passed_over(unread, tmp_path):
    beside = Path(loaded().loaded._name).parent
    for level in LEVELS[: max(LEVELS.index(best()), 1)]:
        shutil.copy(beside / f"libregard_{level}.so", tmp_path)
    kernels.cache_clear()
    unread.setenv("REGARD_NATIVE", str(tmp_path))
    assert kernels().level == LEVELS[max(LEVELS.index(best()) - 1, 0)]


def test_another_folder_can_be_named_and_is_the_only_one(unread, tmp_path):
    beside = Path(loaded().loaded._name).parent
    kernels.cache_clear()
    shutil.copy(beside / "libregard_baseline.so", tmp_path)
    unread.setenv("REGARD_NATIVE", str(tmp_path))
    unread.setenv("REGARD_ISA", "baseline")
    assert kernels().loaded._name == str(tmp_path / "libregard_baseline.so")
    kernels.cache_clear()
    unread.setenv("REGARD_ISA", "avx2")
    with pytest.raises(ValueError, match=r"REGARD_ISA is 'avx2', but (there is no library|the best level)"):
        kernels()


def test_a_folder_without_libraries_is_refused(unread, tmp_path):
    unread.setenv("REGARD_NATIVE", str(tmp_path))
    with pytest.raises(ValueError, match="REGARD_NATIVE is .*, expected a folder that holds libregard_baseline.so"):
        kernels()


def test_a_library_for_another_system_is_missing_with_the_reason(unread, tmp_path):
    (tmp_path / "libregard_baseline.so").write_bytes(b"\x7fELF of another system")
    unread.setenv("REGARD_NATIVE", str(tmp_path))
    assert kernels().missing.startswith("their library cannot be loaded: ")


def test_a_library_for_other_python_code_is_missing_with_the_reason(unread):
    loaded()
    kernels.cache_clear()
    unread.setattr(library, "INTERFACE", library.INTERFACE + 1)
    assert kernels().loaded is None
    assert f"is of another version (interface {library.INTERFACE - 1}, this Regard needs" in kernels().missing


def test_the_interface_counts_up_with_what_is_shown():
    """If this fails: raise the number in library.py and api.hpp, and write here what both are now."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "native" / "src").glob("*.[ch]pp")))
    functions = re.findall(r"^REGARD_API[^{]*", text, re.M)
    structs = re.findall(rf"^struct (?:{'|'.join(GIVEN)}) \{{.*?^\}};", text, re.M | re.S)
    assert len(structs) == len(GIVEN)
    words = " ".join(re.sub("//.*", "", " ".join(functions + structs)).split())
    assert (library.INTERFACE, hashlib.sha256(words.encode()).hexdigest()[:12]) == (2, "4fbd5355a8df")


def test_an_installation_without_libraries_says_what_to_get(unread, tmp_path):
    unread.setattr(native, "__path__", [str(tmp_path)])
    assert kernels() == Kernels(None, None, library.NOT_BUILT)
    unread.setattr(sys, "platform", "plan9")
    kernels.cache_clear()
    assert kernels().missing == "they are for Linux, not plan9"


def test_an_editable_installation_finds_libraries_beside_neither_source(unread):
    """The package has two folders then: its source, and where the libraries were installed."""
    source = Path(library.__file__).parent
    assert str(source) in native.__path__
    assert Path(loaded().loaded._name).parent in map(Path, native.__path__)
    assert not list(source.glob("*.so"))


def test_nothing_but_our_functions_is_shown_and_openmp_is_pytorchs(unread):
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("no nm here to list symbols with")
    listed = subprocess.run([nm, "-D", loaded().loaded._name], capture_output=True, text=True, check=True).stdout
    symbols = [line.split()[-2:] for line in listed.splitlines()]
    assert all(name.startswith("regard_") for kind, name in symbols if kind not in "Uw")
    assert ["w", "GOMP_parallel"] in symbols
    assert ["w", "omp_get_thread_num"] in symbols
