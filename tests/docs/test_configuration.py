"""Every setting stands in config/gateway.toml, with its default; every file and example of a configuration loads."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from gateway.sections import Mount
from gateway.settings import Settings, load_settings
from tests.docs.reading import PAGES, ROOT, fenced

FILE = ROOT / "config" / "gateway.toml"
_COMMENTED = re.compile(r"^# (\w+ = .+)$", re.MULTILINE)

Place = tuple[str, str]
"""A setting: the section it belongs to, and its key."""


def uncommented() -> str:
    """The file with every ``# key = value`` made effective."""
    return _COMMENTED.sub(r"\1", FILE.read_text())


def shapes(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from shapes(inner)


def section_of(shape: type[BaseModel], key: str) -> str:
    """What all mounts have counts once."""
    return Mount.__name__ if issubclass(shape, Mount) and key in Mount.model_fields else shape.__name__


def known(shape: type[BaseModel]) -> Iterator[tuple[Place, Any]]:
    """Every setting below a shape that holds a value, with its default (``...`` where it must be given)."""
    for key, field in shape.model_fields.items():
        inner = list(shapes(field.annotation))
        if not inner:
            yield (section_of(shape, key), key), ... if field.is_required() else field.get_default()
        for each in inner:
            yield from known(each)


def shown(shape: type[BaseModel], values: dict[str, Any]) -> Iterator[tuple[Place, Any]]:
    """Every setting that a loaded file holds, with its value."""
    for key, value in values.items():
        inner = list(shapes(shape.model_fields[key].annotation))
        if not inner:
            yield (section_of(shape, key), key), value
        for item in value if inner and isinstance(value, list) else [value] if inner else []:
            kinds = [
                s for s in inner if "kind" not in item or item["kind"] in get_args(s.model_fields["kind"].annotation)
            ]
            yield from shown(kinds[0], item)


def as_toml(default: Any) -> Any:
    """A default as the file spells it."""
    if isinstance(default, Path | Enum):
        return str(default.value if isinstance(default, Enum) else default)
    return [as_toml(each) for each in default] if isinstance(default, tuple) else default


def test_the_file_shows_every_setting() -> None:
    written = {place for place, _ in shown(Settings, tomllib.loads(uncommented()))}
    assert sorted({place for place, _ in known(Settings)} - written) == []


def test_the_file_shows_the_default_of_every_setting_that_has_one() -> None:
    written = list(shown(Settings, tomllib.loads(uncommented())))
    expected = {place: as_toml(default) for place, default in known(Settings) if default not in (..., None)}
    missing = [place for place, default in expected.items() if (place, default) not in written]
    assert missing == []


def test_a_commented_setting_shows_its_default_where_it_has_one() -> None:
    defaults: dict[str, list[Any]] = {}
    for (_, key), default in known(Settings):
        defaults.setdefault(key, []).append(as_toml(default))
    for line in _COMMENTED.findall(FILE.read_text()):
        ((key, value),) = tomllib.loads(line).items()
        assert value in defaults[key] or None in defaults[key], line


@pytest.mark.parametrize("file", sorted((ROOT / "config").glob("*.toml")), ids=lambda file: file.name)
def test_a_file_loads_as_it_is_and_without_its_comments(file: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.toml"
    bare.write_text("\n".join(line for line in file.read_text().splitlines() if not line.lstrip().startswith("#")))
    assert load_settings(bare) == load_settings(file)
    assert load_settings(file).mounts


def test_the_file_loads_with_every_setting_made_effective(tmp_path: Path) -> None:
    whole = tmp_path / "whole.toml"
    whole.write_text(uncommented())
    assert {mount.kind for mount in load_settings(whole).mounts} == {"local", "nx1", "jupyter", "oci"}


@pytest.mark.parametrize("page", [page for page in PAGES if fenced(page, "toml")], ids=lambda page: page.name)
def test_an_example_in_a_document_loads(page: Path, tmp_path: Path) -> None:
    for number, example in enumerate(fenced(page, "toml")):
        file = tmp_path / f"{number}.toml"
        file.write_text(example)
        assert list(load_settings(file).doubts()) == []
