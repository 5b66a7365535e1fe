"""What the code has stands in the documents, and what the documents name is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from gateway.cli import main
from gateway.contents.apps import AppType
from gateway.contents.problem import Code, Problem
from gateway.dialects.dialect import Dialect
from gateway.dialects.jupyter import jupyter_dialect
from gateway.dialects.nx1 import nx1_dialect
from gateway.dialects.oci import oci_dialect
from tests.docs.reading import COMPLIANCE, PAGES, ROOT, everything, without_code

OPERATIONS = ROOT / "docs" / "operations.md"
DIALECTS = [jupyter_dialect(), nx1_dialect("s3", notebook_app_types=frozenset(AppType)), oci_dialect({})]

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CAPTURE = re.compile(r"\{[^}]*\}")
_TEST = re.compile(r"(tests/[\w/]+\.py)(?:::([\w:]+))?")


def commands() -> Iterator[tuple[str, str]]:
    """Every command, alone and with each of its options."""
    group = typer.main.get_command(main)
    for name, command in group.commands.items():  # type: ignore[attr-defined]  # it is a group
        yield name, ""
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--"):
                    yield name, option


def definitions(file: Path) -> set[str]:
    """``name`` of every function and class, and ``Class::name`` of every method."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            functions = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
            found |= {f"{node.name}::{each.name}" for each in functions}
    return found


def plain(text: str) -> str:
    """Routes without the names of their captures and without a slash at the end."""
    return re.sub(r"/(?=[`\s|,]|$)", "", _CAPTURE.sub("{}", text), flags=re.MULTILINE)


def shortened(route: str) -> str:
    """A route below a workspace as tables name it, once the page has said where workspaces are."""
    return re.sub(r"^.*/workspaces/\{\}(?=/)|^.+(?=/workspaces/\{\}$)", "...", route)


@pytest.mark.parametrize(("command", "option"), list(commands()))
def test_every_command_and_option_is_documented(command: str, option: str) -> None:
    text = everything()
    assert (f"nbgw {command}" in text, option in text) == (True, True)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_route_is_in_the_compliance_page_of_its_dialect(dialect: Dialect) -> None:
    page = plain((COMPLIANCE / f"{dialect.name}.md").read_text())
    whole = r"(?<![\w/}}]){}(?![\w/{{?])"
    templates = {route.template for route in dialect.routes}
    routes = {plain(each) for each in templates if f"{each}/{{path*}}" not in templates}  # an empty path is one, too
    spellings = {route: (route, shortened(route)) for route in routes}
    missing = {
        route
        for route, both in spellings.items()
        if not any(re.search(whole.format(re.escape(each)), page) for each in both)
    }
    unnamed = {route.method for route in dialect.routes if not re.search(rf"\b{route.method}\b", page)}
    assert (missing, unnamed) == (set(), set())


@pytest.mark.parametrize("code", Code, ids=lambda code: code.name)
def test_every_code_is_explained_with_its_status_in_each_dialect(code: Code) -> None:
    statuses = " | ".join(str(dialect.render_problem(Problem(code, "x")).status) for dialect in DIALECTS)
    assert OPERATIONS.read_text().count(f"\n| `{code.name}` | {statuses} | ") == 1


def test_the_columns_of_the_codes_are_the_dialects_in_order() -> None:
    assert "| code | Jupyter | Nx1 | OCI |" in OPERATIONS.read_text()
    assert [dialect.name for dialect in DIALECTS] == ["jupyter", "nx1", "oci"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    lost = []
    for path, name in _TEST.findall(page.read_text()):
        file = ROOT / path
        if not file.is_file() or (name and name not in definitions(file)):
            lost.append(f"{path}::{name}")
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    targets = [link.partition("#")[0] for link in _LINK.findall(without_code(page)) if "://" not in link]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_no_page_stands_alone() -> None:
    """Every page can be reached from the README."""
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in _LINK.findall(without_code(page)):
            target = (page.parent / link.partition("#")[0]).resolve()
            waiting += sorted(target.glob("*.md")) if target.is_dir() else [target] * (target.suffix == ".md")
    assert sorted(page.name for page in set(PAGES) - reached) == []
