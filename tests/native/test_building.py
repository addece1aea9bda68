"""Regard is installed from a bare environment: with the system's compiler, with zig's, and with none at all."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

import regard_build
from regard.attention.native.library import LEVELS, NOT_BUILT

ROOT = Path(__file__).parents[2]
COMPILER = ("c++", "as", "ld", "cmake", "ninja")
SHOW = """
import json
import torch
import regard as rg
from regard.attention.native.library import kernels
query = torch.ones(2, 3, 5)
found = kernels()
print(json.dumps({
    "package": rg.__file__,
    "context": rg.attend(query, query, query).sum().item(),
    "level": found.level,
    "library": None if found.loaded is None else found.loaded._name,
    "threads": 1 if found.loaded is None else found.loaded.regard_threads_at_work(2, 5000),
    "faster": rg.explain(query, query, query, score=rg.Additive(5, 5, 7)).faster,
}))
"""


def quick(*levels: str) -> list[str]:
    """Build some levels. All of them, optimised, are what `make setup` builds and every other test runs."""
    return ["-C", "cmake.define.CMAKE_CXX_FLAGS_RELEASE=-O0", "-C", f"cmake.define.REGARD_LEVELS={','.join(levels)}"]


@dataclass(frozen=True)
class Bare:
    """A fresh environment: it sees what is installed here, but not Regard, and no program that it was not given."""

    folder: Path

    def __post_init__(self) -> None:
        venv.create(self.folder, symlinks=True)
        self.programs.mkdir()
        # A .pth file inside the folder it names is not read, and so neither is our editable installation.
        (self.packages / "others.pth").write_text(sysconfig.get_path("purelib"))

    @property
    def programs(self) -> Path:
        return self.folder / "programs"

    @property
    def packages(self) -> Path:
        return self.folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"

    @property
    def native(self) -> Path:
        return self.packages / "regard" / "attention" / "native"

    def give(self, *names: str) -> None:
        """Those of the programs that this machine has."""
        beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        for name, path in ((name, shutil.which(name, path=beside)) for name in names):
            if path is not None:
                (self.programs / name).symlink_to(path)

    def python(self, *arguments: str) -> str:
        """What Python prints; a failure shows all of it."""
        hidden = {"CXX", "PYTHONPATH", "REGARD_ISA", "REGARD_NATIVE"}
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        done = subprocess.run(
            [self.folder / "bin" / "python", *arguments],
            env={**kept, "PATH": str(self.programs)},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def install(self, *arguments: str) -> str:
        return self.python("-m", "pip", "install", "-v", "--no-deps", "--ignore-installed", *arguments)

    def tag(self) -> str:
        """Whom the installed wheel is for."""
        (wheel,) = self.packages.glob("regard-*.dist-info/WHEEL")
        return next(line for line in wheel.read_text().splitlines() if line.startswith("Tag: "))

    def shown(self) -> dict[str, str | int | float | None]:
        """What the installed package says and does."""
        found: dict[str, str | int | float | None] = json.loads(self.python("-c", SHOW).splitlines()[-1])
        assert found["package"] == str(self.packages / "regard" / "__init__.py")
        assert found["context"] == 2 * 3 * 5
        return found


@pytest.fixture
def bare(tmp_path):
    return Bare(tmp_path / "bare")


def hook(name: str, *arguments: object) -> str:
    """The last line of what a hook of the build backend prints and returns, called as installers do, in the root."""
    call = f"import regard_build; print(regard_build.{name}(*{arguments!r}))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "native")}
    done = subprocess.run([sys.executable, "-c", call], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def assert_holds_kernels(bare: Bare, *levels: str) -> None:
    """One wheel for every Python on this platform with these levels, and one of them loaded that runs two threads."""
    system = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert bare.tag() == f"Tag: py3-none-{system}"
    assert {path.name for path in bare.native.glob("*.so")} == {f"libregard_{level}.so" for level in levels}
    shown = bare.shown()
    assert shown["library"] == str(bare.native / f"libregard_{shown['level']}.so")
    assert shown["threads"] == 2
    assert "missing" not in shown["faster"]


def test_the_systems_compiler_builds_from_an_archive_of_the_source(bare, tmp_path):
    if regard_build.system() is None:
        pytest.skip("no C++ compiler of the system works here")
    archive = tmp_path / hook("build_sdist", str(tmp_path))
    with tarfile.open(archive) as opened:
        names = {name.split("/", 1)[1] for name in opened.getnames()}
    assert {"LICENSE", "native/CMakeLists.txt", "native/regard_build.py", "native/src/level.cpp"} <= names
    assert not [
        name for name in names if name.startswith(("tests/", "benchmarks/", ".ci/", "build/")) or ".so" in name
    ]
    bare.give(*COMPILER)
    said = bare.install("--no-build-isolation", *quick("baseline"), str(archive))
    assert f"Regard: native kernels by {bare.programs / 'c++'}" in said
    assert_holds_kernels(bare, "baseline")
    assert list(bare.packages.glob("regard-*.dist-info/licenses/LICENSE"))


def test_zig_builds_where_the_system_has_no_compiler(bare):
    """The package stays in `build`: zig makes its C++ library, a minute's work, anew wherever it is installed."""
    folder = ROOT / "build" / "ziglang"
    if not (folder / "ziglang").exists():
        named = ("-c", str(ROOT / "constraints.txt"), regard_build.ZIG)
        pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(folder), *named]
        done = subprocess.run(pip, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"pip cannot get ziglang: {done.stderr.strip().splitlines()[-1]}")
    with (bare.packages / "others.pth").open("a") as others:
        others.write(f"\n{folder}\n")
    bare.give("cmake", "ninja")
    # The widest asks most of a compiler.
    levels = (LEVELS[0], LEVELS[-1]) if platform.machine() in ("x86_64", "AMD64") else LEVELS[:1]
    said = bare.install("--no-build-isolation", *quick(*levels), str(ROOT))
    assert f"native kernels by {folder}/ziglang/zig c++ -mcpu=baseline" in said
    assert_holds_kernels(bare, *levels)


def test_without_any_compiler_it_is_pure_python_and_says_what_is_missing(bare):
    (bare.packages / "ziglang").mkdir()
    (bare.packages / "ziglang" / "__init__.py").touch()  # found before any other, and holds no compiler
    said = bare.install("--no-build-isolation", str(ROOT))
    assert "Regard: no C++ compiler works here, installing without native kernels" in said
    assert bare.tag() == "Tag: py3-none-any"
    assert not list(bare.native.glob("*.so"))
    shown = bare.shown()
    assert shown["level"] is None
    assert shown["faster"].endswith(f"; native kernels are missing: {NOT_BUILT}")


def test_an_editable_installation_finds_its_libraries(bare):
    if regard_build.system() is None:
        pytest.skip("no C++ compiler of the system works here")
    bare.give(*COMPILER)
    bare.install("--no-build-isolation", *quick("baseline"), "-e", str(ROOT))
    says = "from regard.attention.native.library import kernels; print(kernels().loaded._name)"
    assert Path(bare.python("-c", says).splitlines()[-1]).parent == bare.native


@pytest.fixture
def without_system(monkeypatch):
    monkeypatch.setattr(regard_build, "supported", lambda: True)
    monkeypatch.setattr(regard_build, "system", lambda: None)
    monkeypatch.setattr(regard_build, "zig", lambda: None)
    return monkeypatch


def test_zig_is_asked_for_only_where_it_is_needed_and_can_be_had(without_system):
    without_system.setattr(regard_build, "obtainable", lambda requirement: requirement == regard_build.ZIG)
    assert regard_build.requirements(None) == ({}, [regard_build.ZIG])
    assert regard_build.ZIG in regard_build.get_requires_for_build_editable()
    without_system.setattr(regard_build, "obtainable", lambda requirement: False)
    assert regard_build.requirements({"build-dir": "b"}) == ({"build-dir": "b", "wheel.cmake": "false"}, [])
    assert regard_build.get_requires_for_build_wheel() == []
    without_system.setattr(regard_build, "system", lambda: ["c++"])
    assert regard_build.requirements(None) == ({}, [])


def test_who_asks_for_no_kernels_gets_none(without_system):
    without_system.setattr(regard_build, "system", lambda: ["c++"])
    asked = {"wheel.cmake": "false"}
    assert regard_build.with_compiler(asked) == asked
    assert regard_build.requirements(asked) == (asked, [])


def test_other_systems_than_linux_are_pure_python(without_system):
    without_system.setattr(regard_build, "supported", lambda: False)
    without_system.setattr(regard_build, "system", lambda: ["c++"])
    assert regard_build.with_compiler(None) == {"wheel.cmake": "false"}
    assert regard_build.get_requires_for_build_wheel() == []


def test_a_compiler_that_does_not_compile_is_passed_over(tmp_path, monkeypatch, capfd):
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    assert not regard_build.works([str(broken)])
    assert not regard_build.works([str(tmp_path / "absent")])
    monkeypatch.setenv("CXX", str(broken))
    assert regard_build.system() is None
    monkeypatch.setattr(regard_build, "zig", lambda: ["/with blanks/zig", "c++"])
    chosen = regard_build.with_compiler({"build-dir": "b"})
    assert chosen == {"build-dir": "b", "cmake.define.CMAKE_CXX_COMPILER": "/with blanks/zig;c++"}
    assert "native kernels by '/with blanks/zig' c++" in capfd.readouterr().err


def test_what_no_index_has_cannot_be_had(monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert not regard_build.obtainable(regard_build.ZIG)
