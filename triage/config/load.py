"""Reads the sources and turns them into the tree; every mistake becomes a ConfigError with its cure."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from platformdirs import user_data_path
from pydantic import ValidationError

from triage.config.sections import Settings
from triage.domain.errors import ConfigError

PREFIX = "TRIAGE_"
NOT_SETTINGS = frozenset({"TRIAGE_HOME", "TRIAGE_CONFIG"})
TEST_PREFIX = "TRIAGE_TEST_"


def default_home(environ: Mapping[str, str]) -> Path:
    """Return TRIAGE_HOME, else /var/lib for root (which the product leaves at once), else this user's data folder."""
    if os.geteuid() == 0 and not environ.get("TRIAGE_HOME"):
        return Path("/var/lib/spine-triage")
    return Path(environ.get("TRIAGE_HOME") or user_data_path("spine-triage", appauthor=False)).absolute()


def load_settings(environ: Mapping[str, str] | None = None, home: Path | None = None) -> Settings:
    """Read the settings once; raises ConfigError naming the key, the mistake and the cure."""
    env = os.environ if environ is None else environ
    where = home or default_home(env)
    tree, _ = read_sources(env, where)
    return build(where, tree)


def read_sources(environ: Mapping[str, str], home: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the merged raw tree and, for each dotted key, where its value came from."""
    path = Path(environ.get("TRIAGE_CONFIG") or home / "triage.toml")
    tree = _read_toml(path, required="TRIAGE_CONFIG" in environ)
    origins = {dotted: str(path) for dotted in _dotted(tree)}
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in NOT_SETTINGS or name.startswith(TEST_PREFIX):
            continue
        keys, text = _from_environment(name, value)
        _put(tree, keys, text, name)
        origins[".".join(keys)] = name
    return tree, origins


def build(home: Path, tree: Mapping[str, Any]) -> Settings:
    """Turn a raw tree into Settings; raises ConfigError for the first mistake."""
    try:
        return Settings.model_validate({**tree, "home": home})
    except ValidationError as mistakes:
        raise _explain(mistakes) from mistakes


def _read_toml(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except FileNotFoundError:
        if required:
            raise ConfigError("TRIAGE_CONFIG", f"{path} does not exist", "Name an existing file.") from None
        return {}
    except tomllib.TOMLDecodeError as mistake:
        raise ConfigError(str(path), f"is not valid TOML ({mistake})", "Mend that line.") from mistake
    except OSError as trouble:
        raise ConfigError(
            str(path), f"cannot be read ({trouble.strerror})", "Give read permission."
        ) from trouble


def _from_environment(name: str, value: str) -> tuple[list[str], Any]:
    keys = name[len(PREFIX) :].lower().split("__")
    if len(keys) < 2:
        raise ConfigError(
            name, "names no setting", "Write TRIAGE_SECTION__KEY, for example TRIAGE_DICOM__PORT."
        )
    if keys[-1].endswith("_file"):
        keys[-1] = keys[-1].removesuffix("_file")
        try:
            return keys, Path(value).read_text().strip()
        except OSError as trouble:
            raise ConfigError(
                name, f"{value} cannot be read ({trouble.strerror})", "Name a readable file."
            ) from None
    if value[:1] in "[{":
        try:
            return keys, tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError as mistake:
            raise ConfigError(
                name, f"is not a TOML value ({mistake})", "Write it as in the TOML file."
            ) from mistake
    return keys, value


def _put(tree: dict[str, Any], keys: list[str], value: Any, name: str) -> None:
    branch = tree
    for key in keys[:-1]:
        branch = branch.setdefault(key, {})
        if not isinstance(branch, dict):
            raise ConfigError(name, f"{key} is not a section", "Look at `triage config show`.")
    branch[keys[-1]] = value


def _dotted(tree: Mapping[str, Any], prefix: str = "") -> list[str]:
    names: list[str] = []
    for key, value in tree.items():
        names += _dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]
    return names


def _explain(mistakes: ValidationError) -> ConfigError:
    first = mistakes.errors()[0]
    place = [str(part) for part in first["loc"]]
    key = ".".join(place)
    if first["type"] == "extra_forbidden":
        return ConfigError(key, "there is no such setting", _nearest(place))
    if first["type"] == "missing":
        return ConfigError(key, "is missing", "Add it.")
    shown = "" if "url" in place else f" (found {str(first['input'])[:60]!r})"
    return ConfigError(key, f"{first['msg']}{shown}", "Correct it; `triage config show` lists every key.")


def _nearest(place: list[str]) -> str:
    section: Any = reduce(_child, place[:-1], Settings)
    known = list(getattr(section, "model_fields", {}))
    close = difflib.get_close_matches(place[-1], known, n=1)
    return f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}."


def _child(section: Any, name: str) -> Any:
    field = getattr(section, "model_fields", {}).get(name)
    return None if field is None else field.annotation
