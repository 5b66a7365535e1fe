"""Exports of notebooks, as ipynb and as a small HTML page (spec oci 4.7)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .calls import Call, check_fields
from .contents import seen
from .models import content_of, contents_etag, wire_path
from .notebooks import check_notebook, with_joined_sources
from .paths import Path
from .refusals import invalid, not_allowed
from .tree import kind_of

if TYPE_CHECKING:
    from .emulator import WorkspaceEmulator


def answer(workspace: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    if call.method != "POST":
        raise not_allowed()
    call.check_query()
    details = call.json()
    check_fields(details, {"format": str}, strict=workspace.habits.refuses_unknown_fields)
    form = details.get("format") or "ipynb"
    if form not in ("ipynb", "html"):
        raise invalid("format is ipynb or html.")
    node = seen(workspace, call, path)
    if kind_of(path, node) != "notebook":
        raise invalid(f"{path[-1]} is not a notebook.", "bad type")
    notebook = content_of(path, node, None)["content"]
    check_notebook(notebook)
    content = page_of(path[-1], notebook) if form == "html" else _ipynb(workspace, notebook)
    model = {"name": path[-1], "path": wire_path(workspace.habits, path), "content": content, "format": form}
    return web.json_response(model, headers={"etag": contents_etag(workspace.habits, node)})


def _ipynb(workspace: WorkspaceEmulator, notebook: dict[str, Any]) -> str | dict[str, Any]:
    if workspace.habits.export_as_object:
        return with_joined_sources(notebook)
    return json.dumps(notebook, indent=1)


def page_of(name: str, notebook: dict[str, Any]) -> str:
    """The notebook as one page that needs nothing else: images are in it as base64."""
    body = "\n".join(part for cell in notebook["cells"] for part in _cell(cell))
    head = f'<head><meta charset="utf-8"><title>{escape(name)}</title></head>'
    return f"<!DOCTYPE html>\n<html>{head}<body>\n{body}\n</body></html>\n"


def _cell(cell: dict[str, Any]) -> Iterator[str]:
    source = escape("".join(cell["source"]))
    if cell["cell_type"] == "markdown":
        yield f'<div class="markdown"><p>{source}</p></div>'
        return
    yield f'<pre class="{cell["cell_type"]}"><code>{source}</code></pre>'
    for output in cell.get("outputs", []):
        yield from _output(output)


def _output(output: dict[str, Any]) -> Iterator[str]:
    data = output.get("data", {})
    if "image/png" in data:
        encoded = escape("".join(data["image/png"]).strip())
        yield f'<img src="data:image/png;base64,{encoded}">'
    elif "text/plain" in data:
        yield f"<pre>{escape(''.join(data['text/plain']))}</pre>"
    elif "text" in output:
        yield f"<pre>{escape(''.join(output['text']))}</pre>"
    elif output.get("output_type") == "error":
        yield f"<pre>{escape(str(output.get('ename')))}: {escape(str(output.get('evalue')))}</pre>"
