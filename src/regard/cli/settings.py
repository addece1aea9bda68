"""Settings from dataclasses: defaults, then YAML files, then key=value on the command line."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import yaml
from jsonargparse import ArgumentError, ArgumentParser

Settings = TypeVar("Settings")
Tree = dict[str, Any]
_NULL = ("", "~", "null", "Null", "NULL")
# How jsonargparse says that a value is of another kind.
_UNFIT = re.compile(r'Parser key "(?P<key>[\w.]+)": Expected an? (?P<kinds>.+?)\.? Got value: (?P<value>.*)')
_UNFIT_UNION = re.compile(
    r'Parser key "(?P<key>[\w.]+)": Does not validate against any of the Union subtypes Subtypes: .*? '
    r"Errors: (?P<kinds>.*) Given value type: .*? Given value: (?P<value>.*)"
)


def parse(kind: type[Settings], arguments: list[str]) -> tuple[Settings, str]:
    """Settings from `--config file.yaml` and `key=value`, later ones winning; and all of them as YAML.

    A key that names a class (model=Transformer) begins with that class's own defaults.

    What may only be a text is taken as it stands; all else is YAML.

    Raises:
        ValueError: a key is not known (the nearest is named), or a value is not YAML or does not fit.
        FileNotFoundError: a config file does not exist.
    """
    parser = _parser(kind)
    tree = yaml.safe_load(parser.dump(parser.get_defaults(), skip_unset=False))
    pending = list(arguments)
    while pending:
        argument = pending.pop(0)
        if argument == "--config":
            if not pending:
                raise ValueError("--config needs a YAML file after it.")
            _merge(tree, _yaml(Path(pending.pop(0))))
            continue
        key, equals, value = argument.removeprefix("--").partition("=")
        if not equals:
            if not argument.startswith("--") or not pending:
                raise ValueError(f"{argument!r} is not a setting; write key=value, for example training.minutes=2.")
            value = pending.pop(0)
        _set(tree, key.split("."), _value(key, value, _hint(kind, tree, key.split("."))), key, kind)
    return _build(parser, kind, tree)


def read(kind: type[Settings], path: Path) -> Settings:
    """Settings from a run's config.yaml.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it does not fit.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; is {path.parent} a run folder?")
    return _build(_parser(kind), kind, _yaml(path))[0]


def keys_of(kind: type[object], prefix: str = "") -> list[str]:
    """Dotted names of all settings, those of every class that a setting may name included."""
    found = []
    hints = get_type_hints(kind)
    for one in fields(kind) if is_dataclass(kind) else []:
        name = f"{prefix}{one.name}"
        found.append(name)
        hint = hints[one.name]
        for inner in [hint, *_kinds(hint)] if isinstance(hint, type) else []:
            found.extend(keys_of(inner, f"{name}.") if is_dataclass(inner) else [])
    return found


def _kinds(hint: object) -> list[type]:
    """The classes that a setting may name; of a number or a text anybody may have made some, which are none."""
    return hint.__subclasses__() if isinstance(hint, type) and hint.__module__ != "builtins" else []


def _parser(kind: type[object]) -> ArgumentParser:
    parser = ArgumentParser(prog="settings", exit_on_error=False, add_help=False)
    parser.add_class_arguments(kind, None)
    return parser


def _yaml(path: Path) -> Tree:
    if not path.exists():
        raise FileNotFoundError(f"config file {path} does not exist.")
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {error}") from None
    if not isinstance(tree, dict):
        raise ValueError(f"{path} is not a mapping of settings, such as training: {{minutes: 2}}.")
    return tree


def _value(key: str, text: str, hint: object) -> object:
    if hint in (str, str | None) and not (text.startswith(('"', "'")) or (hint is not str and text in _NULL)):
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ValueError(
            f"{key} is {text!r}, which is not YAML; put a text with such signs between quotation marks, and these "
            f"between others for the shell: {key}='\"...\"'."
        ) from None


def _hint(kind: type[object], tree: Tree, path: list[str]) -> object:
    """What a setting may be, as the class that has it says; None where there is none."""
    hint: object = kind
    node: object = tree
    for part in path:
        named = str(node.get("class_path", "") if isinstance(node, dict) else node or "").rsplit(".", 1)[-1]
        candidates = [one for each in get_args(hint) or (hint,) for one in (each, *_kinds(each))]
        owner = next((one for one in candidates if getattr(one, "__name__", "") == named), candidates[0])
        hint = get_type_hints(owner).get(part) if is_dataclass(owner) else None
        inside = node.get("init_args", node) if isinstance(node, dict) else {}
        node = inside.get(part)
    return hint


def _merge(tree: Tree, given: Tree) -> None:
    for key, value in given.items():
        known = tree.get(key)
        renamed = isinstance(value, dict) and isinstance(known, dict) and _names_another(known, value)
        if isinstance(value, dict) and isinstance(known, dict) and not renamed:
            _merge(known, value)
        else:
            tree[key] = value


def _names_another(known: Tree, given: Tree) -> bool:
    """Whether a tree names another class than the one it would be merged into."""
    named = str(given.get("class_path", known.get("class_path", ""))).rsplit(".", 1)[-1]
    return named != str(known.get("class_path", "")).rsplit(".", 1)[-1]


def _set(tree: Tree, path: list[str], value: object, key: str, kind: type[object]) -> None:
    node = tree
    for part in path[:-1]:
        inside = node.get("init_args", node) if "class_path" in node else node
        child = inside.get(part)
        if isinstance(child, str):
            child = inside[part] = {"class_path": child, "init_args": {}}
        if not isinstance(child, dict):
            raise ValueError(_unknown(key, kind))
        node = child
    inside = node.setdefault("init_args", {}) if "class_path" in node else node
    known = inside.get(path[-1])
    if isinstance(known, dict) and "class_path" in known and isinstance(value, str):
        same = known["class_path"].rsplit(".", 1)[-1] == value.rsplit(".", 1)[-1]
        inside[path[-1]] = known if same else {"class_path": value, "init_args": {}}
        return
    if "class_path" not in node and path[-1] not in node:
        raise ValueError(_unknown(key, kind))
    inside[path[-1]] = value


def _build(parser: ArgumentParser, kind: type[Settings], tree: Tree) -> tuple[Settings, str]:
    try:
        found = parser.parse_object(tree, defaults=False)
        text = str(parser.dump(found, skip_unset=False))
        return kind(**vars(parser.instantiate(found))), text
    except (ArgumentError, TypeError, KeyError) as error:
        raise ValueError(_clear(str(error), kind)) from None


def _clear(message: str, kind: type[object]) -> str:
    """The parser's message in one line; a key or a class it does not know with the nearest one."""
    line = " ".join(message.split())
    option = re.search(r"Option '([\w.]+)' is not accepted|Key '([\w.]+)' is not expected", line)
    if option is not None:
        return _unknown(option.group(1) or option.group(2), kind)
    named = re.search(r"Expected a dot import path string: (\w+)", line)
    if named is not None:
        near = get_close_matches(named.group(1), _classes(kind), n=1)
        return f"there is no class {named.group(1)!r}." + (f" Did you mean {near[0]!r}?" if near else "")
    unfit = _UNFIT.fullmatch(line) or _UNFIT_UNION.fullmatch(line)
    if unfit is not None:
        kinds = [_expected(one) for one in re.split(r"(?:^|\s)- ", unfit["kinds"]) if one]
        return f"{unfit['key']} is {unfit['value']!r}, expected {' or '.join(kinds)}."
    return line


def _expected(kind: str) -> str:
    """What the parser says that it expected, in words."""
    among = re.search(r"Literal\[(.*)\]|\{(.*)\}", kind)
    if among is not None:
        return f"one of {(among[1] or among[2]).replace(',', ', ').replace('  ', ' ')}"
    bare = kind.removeprefix("Expected a ").removeprefix("<class '").removesuffix("'>")
    return "null" if bare == "NoneType" else bare


def _classes(kind: type[object]) -> list[str]:
    """Names of every class that a setting may name."""
    found = []
    for hint in get_type_hints(kind).values():
        for inner in _kinds(hint):
            found += [inner.__name__, *(_classes(inner) if is_dataclass(inner) else [])]
        if isinstance(hint, type) and is_dataclass(hint):
            found += _classes(hint)
    return found


def _unknown(key: str, kind: type[object]) -> str:
    known = keys_of(kind)
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    last = get_close_matches(key.rsplit(".", 1)[-1], [name.rsplit(".", 1)[-1] for name in known], n=1)
    guess = near[0] if near else next((name for name in known if last and name.endswith(last[0])), None)
    return f"there is no setting {key!r}." + (f" Did you mean {guess!r}?" if guess else "")
