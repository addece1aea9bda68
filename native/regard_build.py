"""The build backend: scikit-build-core with the system's C++ compiler, else with the one of `ziglang`, else without.

Kernels only make things faster, so a missing compiler fails no installation: where none works, it is pure Python.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from scikit_build_core import build as core
from scikit_build_core.build import build_sdist, get_requires_for_build_sdist

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

Settings = dict[str, list[str] | str]

ZIG = "ziglang>=0.15"
WITHOUT = "wheel.cmake"
# The oldest C++ and the builtins that the kernels need, in the smallest of their files.
PROBE = Path(__file__).resolve().parent / "src" / "level.cpp"


def build_wheel(
    wheel_directory: str, config_settings: Settings | None = None, metadata_directory: str | None = None
) -> str:
    return core.build_wheel(wheel_directory, with_compiler(config_settings), metadata_directory)


def build_editable(
    wheel_directory: str, config_settings: Settings | None = None, metadata_directory: str | None = None
) -> str:
    return core.build_editable(wheel_directory, with_compiler(config_settings), metadata_directory)


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Settings | None = None) -> str:
    return core.prepare_metadata_for_build_wheel(metadata_directory, with_compiler(config_settings))


def prepare_metadata_for_build_editable(metadata_directory: str, config_settings: Settings | None = None) -> str:
    return core.prepare_metadata_for_build_editable(metadata_directory, with_compiler(config_settings))


def get_requires_for_build_wheel(config_settings: Settings | None = None) -> list[str]:
    settings, compilers = requirements(config_settings)
    return core.get_requires_for_build_wheel(settings) + compilers


def get_requires_for_build_editable(config_settings: Settings | None = None) -> list[str]:
    settings, compilers = requirements(config_settings)
    return core.get_requires_for_build_editable(settings) + compilers


def requirements(config_settings: Settings | None) -> tuple[Settings, list[str]]:
    """The settings with which to ask scikit-build-core what it needs, and the compiler to install."""
    settings = dict(config_settings or {})
    if WITHOUT in settings:
        return settings, []
    if not supported():
        return {**settings, WITHOUT: "false"}, []
    if system() is not None:
        return settings, []
    if zig() is not None or obtainable(ZIG):
        return settings, [ZIG]
    return {**settings, WITHOUT: "false"}, []


def with_compiler(config_settings: Settings | None) -> Settings:
    """The settings of a build with the first compiler that works, or without kernels."""
    settings = dict(config_settings or {})
    if WITHOUT in settings:
        return settings
    found = (system() or zig()) if supported() else None
    if found is None:
        print("*** Regard: no C++ compiler works here, installing without native kernels", file=sys.stderr)
        return {**settings, WITHOUT: "false"}
    print(f"*** Regard: native kernels by {shlex.join(found)}", file=sys.stderr)
    # A list in CMake's sense, so that blanks in a path stay what they are.
    return {**settings, "cmake.define.CMAKE_CXX_COMPILER": ";".join(found)}


def supported() -> bool:
    """Whether kernels are made for this system at all."""
    return sys.platform == "linux"


def system() -> list[str] | None:
    """The command of the environment variable CXX, or the first of the usual names, if it compiles."""
    if "CXX" in os.environ:
        named = [shlex.split(os.environ["CXX"])]
    else:
        named = [[path] for path in map(shutil.which, ("c++", "g++", "clang++")) if path is not None]
    return next((command for command in named if works(command)), None)


def zig() -> list[str] | None:
    """The compiler in the package `ziglang`, if that is installed and compiles.

    By itself it compiles for the chip that it runs on, and puts traps where it sees undefined behaviour.
    """
    package = find_spec("ziglang")
    if package is None or package.origin is None:
        return None
    command = [str(Path(package.origin).parent / "zig"), "c++", "-mcpu=baseline", "-fno-sanitize=undefined"]
    return command if works(command) else None


def works(command: list[str]) -> bool:
    """Whether a command makes a shared library from one of our files."""
    with tempfile.TemporaryDirectory() as folder:
        options = [
            "-std=gnu++20",
            '-DREGARD_LEVEL="probe"',
            "-shared",
            "-fPIC",
            str(PROBE),
            "-o",
            f"{folder}/probe.so",
        ]
        try:
            return subprocess.run([*command, *options], capture_output=True).returncode == 0
        except OSError:
            return False


def obtainable(requirement: str) -> bool:
    """Whether pip finds a package for this machine; true where there is no pip to ask, as under other installers.

    A requirement that cannot be met would fail the installation, which a missing compiler must not.
    """
    pip = [sys.executable, "-I", "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True).returncode != 0:
        return True
    name = requirement.split(">")[0]
    asked = [*pip, "index", "versions", name, "--only-binary", ":all:", "--retries", "0", "--timeout", "15"]
    return subprocess.run(asked, capture_output=True).returncode == 0
