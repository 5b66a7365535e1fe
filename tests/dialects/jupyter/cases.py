"""A table of requests that a Jupyter server and the gateway are both asked, and what of the answers can be compared.

Each case runs in a folder of its own on both sides. Dates are compared by their form. What the gateway does better on
purpose (hash in the answer of a save, JSON 404, no 500 for a client's mistake) is in the golden vectors instead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from tests.dialects.jupyter.driving import Answer, Ask, Server
from tests.dialects.jupyter.vectors import NOTEBOOK, dated, folder, notebook, text

RICH = {
    **NOTEBOOK,
    "cells": [
        {
            "cell_type": "markdown",
            "id": "a",
            "metadata": {},
            "source": "one\ntwo",
            "attachments": {"a.svg": {"image/svg+xml": "<svg>\n</svg>"}},
        },
        {
            "cell_type": "code",
            "id": "b",
            "metadata": {"tags": ["x"]},
            "source": "1\n2",
            "execution_count": 1,
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": "é\nb\n"},
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"text/html": "<p>\n</p>", "application/json": ["a", "b"], "application/x+json": ["c"]},
                },
                {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["a", "b"]},
            ],
        },
    ],
}

BASE = "/api/contents/{case}"
UPLOAD = {"type": "file", "format": "text", "content": "abc"}


@dataclass(frozen=True, slots=True)
class Case:
    """``{case}`` stands for the folder of the case in paths and bodies."""

    name: str
    ask: Ask
    given: tuple[Ask, ...] = ()


def ask(method: str, path: str = "", body: object = None) -> Ask:
    return Ask(method, BASE + path, body)


def get(path: str = "") -> Ask:
    return ask("GET", path)


A = (text("{case}/a.txt"),)
N = (notebook("{case}/n.ipynb", RICH),)
F = (folder("{case}/f"), text("{case}/f/b.py", "print()\n"))
B = (ask("PUT", "/b.bin", {"type": "file", "format": "base64", "content": "/wD/" * 40}),)
D = (folder("{case}/d.ipynb"),)
C = tuple(text("{case}/" + name) for name in ("a.pyc", "a.pyo", "a.txt~", "a.txt"))
NAMED = (text("{case}/a.txt"), text("{case}/a-Copy1.txt"), text("{case}/x.tar.gz"), text("{case}/p-Copy.txt"))
ODD = "/%C3%A9%20%25%23%3F+%3B&=.txt"

CASES = [
    Case("get_text", get("/a.txt"), A),
    Case("get_text_with_hash", get("/a.txt?hash=1"), A),
    Case("get_text_without_content", get("/a.txt?content=0"), A),
    Case("get_text_as_base64", get("/a.txt?format=base64"), A),
    Case("get_text_as_directory", get("/a.txt?type=directory"), A),
    Case("get_text_as_notebook", get("/a.txt?type=notebook"), A),
    Case("get_unknown_type", get("/a.txt?type=moon"), A),
    Case("get_bad_format", get("/a.txt?format=json"), A),
    Case("get_bad_content", get("/a.txt?content=2"), A),
    Case("get_bad_hash", get("/a.txt?hash=x"), A),
    Case("get_unknown_parameters", get("/a.txt?contentProviderId=undefined&1763692945"), A),
    Case("get_empty_file", get("/e"), (text("{case}/e", ""),)),
    Case("get_unknown_suffix", get("/a.zzz"), (text("{case}/a.zzz"),)),
    Case("get_binary", get("/b.bin"), B),
    Case("get_binary_as_text", get("/b.bin?format=text"), B),
    Case("get_binary_without_content", get("/b.bin?content=0"), B),
    Case("get_notebook", get("/n.ipynb"), N),
    Case("get_notebook_with_hash", get("/n.ipynb?hash=1"), N),
    Case("get_notebook_as_file", get("/n.ipynb?type=file&hash=1"), N),
    Case("get_notebook_without_content", get("/n.ipynb?content=0&hash=1"), N),
    Case("get_unreadable_notebook", get("/n.ipynb"), (text("{case}/n.ipynb", "{"),)),
    Case("get_directory", get("/f"), F),
    Case("get_directory_without_content", get("/f?content=0"), F),
    Case("get_directory_as_file", get("/f?type=file"), F),
    Case("get_odd_name", get(ODD), (ask("PUT", ODD, UPLOAD),)),
    Case("get_at_sign", get("/a@b%40c.txt"), (text("{case}/a%40b@c.txt"),)),
    Case("get_sub_delimiters", get("/'()!*~,;:=+$&.txt"), (text("{case}/%27%28%29%21%2A~%2C%3B%3A%3D%2B%24%26.txt"),)),
    Case("get_percent_in_name", get("/a%252Fb.txt"), (text("{case}/a%252Fb.txt"),)),
    Case("get_unicode_name", get("/%E6%97%A5%F0%9F%98%80.txt"), (text("{case}/%E6%97%A5%F0%9F%98%80.txt"),)),
    Case("get_other_unicode_form", get("/%C3%A9.txt"), (text("{case}/e%CC%81.txt"),)),
    Case("get_encoded_slash", get("/f%2Fb.py"), F),
    Case("get_last_content", get("/a.txt?content=1&content=0"), A),
    Case("get_last_type", get("/a.txt?type=file&type=directory"), A),
    Case("get_last_hash", get("/a.txt?hash=1&hash=0"), A),
    Case("get_empty_type", get("/a.txt?type="), A),
    Case("get_empty_format", get("/a.txt?format="), A),
    Case("get_empty_content", get("/a.txt?content="), A),
    Case("get_empty_hash", get("/a.txt?hash="), A),
    Case("get_text_as_notebook_unread", get("/a.txt?type=notebook&content=0"), A),
    Case("get_text_as_directory_unread", get("/a.txt?type=directory&content=0"), A),
    Case("get_format_unread", get("/a.txt?content=0&format=base64"), A),
    Case("get_notebook_format_ignored", get("/n.ipynb?format=base64"), N),
    Case("get_notebook_as_base64", get("/n.ipynb?type=file&format=base64"), N),
    Case("get_notebook_as_directory", get("/n.ipynb?type=directory"), N),
    Case("get_notebook_as_file_unread", get("/n.ipynb?type=file&content=0&hash=1"), N),
    Case("get_directory_format_ignored", get("/f?format=text"), F),
    Case("get_directory_as_notebook", get("/f?type=notebook"), F),
    Case("get_directory_as_file_unread", get("/f?type=file&content=0"), F),
    Case("get_directory_of_notebook_name", get("/d.ipynb"), D),
    Case("get_directory_of_notebook_name_as_notebook", get("/d.ipynb?type=notebook"), D),
    Case("get_clutter", get(), C),
    Case("get_clutter_by_name", get("/a.pyc"), C),
    Case("get_missing_as_directory", get("/none?type=directory")),
    Case("get_missing", get("/none")),
    Case("get_hidden", get("/.a")),
    Case("head_file", ask("HEAD", "/a.txt"), A),
    Case("options_file", ask("OPTIONS", "/a.txt"), A),
    Case("put_new_text", text("{case}/a.txt")),
    Case("put_existing_text", text("{case}/a.txt", "more"), A),
    Case("put_odd_name", ask("PUT", ODD, UPLOAD)),
    Case("put_new_notebook", notebook("{case}/n.ipynb", RICH)),
    Case("put_existing_notebook", notebook("{case}/n.ipynb", RICH), N),
    Case("put_invalid_notebook", notebook("{case}/n.ipynb", {**NOTEBOOK, "extra": 1})),
    Case("put_typed_nothing", ask("PUT", "/n.ipynb", {"type": "notebook"})),
    Case("put_untyped_text", ask("PUT", "/a.txt", {"format": "text", "content": "x"})),
    Case("put_untyped_over_file", ask("PUT", "/a.txt", {"format": "text", "content": "x"}), A),
    Case("put_nothing_over_file", ask("PUT", "/a.txt", {"type": "file"}), A),
    Case("put_without_format", ask("PUT", "/a.txt", {"type": "file", "content": "x"})),
    Case("put_notebook_of_other_name", notebook("{case}/n.txt", RICH)),
    Case("put_notebook_over_text", notebook("{case}/a.txt", RICH), A),
    Case("put_text_over_notebook", text("{case}/n.ipynb", "{}"), N),
    Case("put_typed_nothing_of_other_name", ask("PUT", "/n.txt", {"type": "notebook"})),
    Case("put_unknown_type", ask("PUT", "/a.txt", {**UPLOAD, "type": "moon"})),
    Case("put_format_json", ask("PUT", "/a.txt", {**UPLOAD, "format": "json"})),
    Case("put_null_format", ask("PUT", "/a.txt", {**UPLOAD, "format": None})),
    Case("put_null_chunk", ask("PUT", "/a.txt", {**UPLOAD, "chunk": None})),
    Case("put_whole_model", ask("PUT", "/a.txt", {**UPLOAD, "name": "b", "path": "{case}/b", "size": 3, "hash": None})),
    Case("put_directory_with_content", ask("PUT", "/f", {"type": "directory", "format": "json", "content": []})),
    Case("put_directory_of_notebook_name", folder("{case}/d.ipynb")),
    Case("put_directory", folder("{case}/f")),
    Case("put_directory_again", folder("{case}/f"), F),
    Case("put_directory_over_file", folder("{case}/a.txt"), A),
    Case("put_copy", ask("PUT", "/b.txt", {"copy_from": "{case}/a.txt"}), A),
    Case("put_hidden", text("{case}/.a.txt")),
    Case("put_bad_json", ask("PUT", "/a.txt", b"{")),
    Case("upload_first_of_new", text("{case}/u.txt", "abc", chunk=1)),
    Case("upload_first_of_existing", text("{case}/a.txt", "abc", chunk=1), A),
    Case("upload_second", text("{case}/u.txt", "abc", chunk=2), (text("{case}/u.txt", "abc", chunk=1),)),
    Case("upload_last", text("{case}/u.txt", "d", chunk=-1), (text("{case}/u.txt", "abc", chunk=1),)),
    Case("upload_of_notebook", ask("PUT", "/n.ipynb", {**UPLOAD, "type": "notebook", "chunk": 1})),
    Case("post_nothing", ask("POST")),
    Case("post_empty_object", ask("POST", "", {})),
    Case("post_extension", ask("POST", "", {"ext": ".py"})),
    Case("post_long_extension", ask("POST", "", {"ext": ".tar.gz"}), (ask("POST", "", {"ext": ".tar.gz"}),)),
    Case("post_notebook_with_extension", ask("POST", "", {"type": "notebook", "ext": ".py"})),
    Case("post_file_of_notebook_extension", ask("POST", "", {"type": "file", "ext": ".ipynb"})),
    Case("post_directory_with_extension", ask("POST", "", {"type": "directory", "ext": ".x"})),
    Case("post_null_type", ask("POST", "", {"type": None})),
    Case("post_unknown_type", ask("POST", "", {"type": "moon"})),
    Case("post_empty_copy", ask("POST", "", {"copy_from": ""})),
    Case("post_to_directory_of_notebook_name", ask("POST", "/d.ipynb"), D),
    Case("post_notebook", ask("POST", "", {"type": "notebook"})),
    Case("post_second_notebook", ask("POST", "", {"ext": ".ipynb"}), (ask("POST", "", {"type": "notebook"}),)),
    Case("post_second_directory", ask("POST", "", {"type": "directory"}), (ask("POST", "", {"type": "directory"}),)),
    Case("post_to_file", ask("POST", "/a.txt"), A),
    Case("post_to_missing", ask("POST", "/none")),
    Case("post_copy", ask("POST", "/f", {"copy_from": "{case}/a.txt"}), (*A, *F)),
    Case("post_copy_beside", ask("POST", "", {"copy_from": "{case}/n.ipynb"}), N),
    Case("post_copy_of_directory", ask("POST", "", {"copy_from": "{case}/f"}), F),
    Case("post_copy_of_copy", ask("POST", "", {"copy_from": "{case}/a-Copy1.txt"}), NAMED),
    Case("post_copy_of_copy_elsewhere", ask("POST", "/f", {"copy_from": "{case}/a-Copy1.txt"}), (*NAMED, *F)),
    Case("post_copy_of_long_extension", ask("POST", "", {"copy_from": "{case}/x.tar.gz"}), NAMED),
    Case("post_copy_of_unnumbered_copy", ask("POST", "", {"copy_from": "{case}/p-Copy.txt"}), NAMED),
    Case("post_copy_of_clutter", ask("POST", "", {"copy_from": "{case}/a.pyc"}), C),
    Case("post_copy_of_missing", ask("POST", "", {"copy_from": "{case}/none"})),
    Case("patch_file", ask("PATCH", "/a.txt", {"path": "{case}/b c.txt"}), A),
    Case("patch_directory", ask("PATCH", "/f", {"path": "{case}/g"}), F),
    Case("patch_notebook_to_text", ask("PATCH", "/n.ipynb", {"path": "{case}/n.txt"}), N),
    Case("patch_text_to_notebook", ask("PATCH", "/a.txt", {"path": "{case}/a.ipynb"}), A),
    Case("patch_letters_only", ask("PATCH", "/f", {"path": "{case}/F"}), F),
    Case("patch_more_fields", ask("PATCH", "/a.txt", {"path": "{case}/b.txt", "name": "c", "type": "file"}), A),
    Case("patch_slash_before", ask("PATCH", "/a.txt", {"path": "/{case}/b.txt"}), A),
    Case("patch_to_hidden", ask("PATCH", "/a.txt", {"path": "{case}/.b"}), A),
    Case("patch_same_path", ask("PATCH", "/a.txt", {"path": "{case}/a.txt"}), A),
    Case("patch_missing_to_itself", ask("PATCH", "/none", {"path": "{case}/none"})),
    Case("patch_bad_json", ask("PATCH", "/a.txt", b"{"), A),
    Case("patch_nothing", ask("PATCH", "/a.txt", {}), A),
    Case("patch_to_taken", ask("PATCH", "/a.txt", {"path": "{case}/f"}), (*A, *F)),
    Case("patch_missing", ask("PATCH", "/none", {"path": "{case}/b"})),
    Case("patch_to_missing_directory", ask("PATCH", "/a.txt", {"path": "{case}/none/a.txt"}), A),
    Case("patch_without_body", ask("PATCH", "/a.txt"), A),
    Case("delete_file", ask("DELETE", "/a.txt"), A),
    Case("delete_directory", ask("DELETE", "/f"), F),
    Case("delete_hidden", ask("DELETE", "/.a")),
    Case("delete_missing", ask("DELETE", "/none")),
    Case("checkpoints_of_missing", get("/none/checkpoints")),
    Case("checkpoints_of_directory", get("/f/checkpoints"), F),
    Case("checkpoint_made", ask("POST", "/a.txt/checkpoints"), A),
    Case("checkpoint_deleted_unknown", ask("DELETE", "/a.txt/checkpoints/none"), A),
    Case("checkpoint_collection_put", ask("PUT", "/a.txt/checkpoints", {}), A),
    Case("checkpoint_collection_head", ask("HEAD", "/a.txt/checkpoints"), A),
    Case("options_of_checkpoint", ask("OPTIONS", "/a.txt/checkpoints/x"), A),
    Case("me_not_an_object", Ask("GET", "/api/me?permissions=%5B%5D")),
    Case("me_not_a_list", Ask("GET", "/api/me?permissions=%7B%22a%22%3A1%7D")),
    Case("me_malformed", Ask("GET", "/api/me?permissions=x")),
]


async def run(case: Case, server: Server, below: str = "") -> Answer:
    """The answer to the case, once all that it is given stands in its folder, which is made ``below`` another."""
    name = f"{below}case-{case.name}"
    made = await server.send(folder(name))
    assert made.status == 201, made.body
    for given in case.given:
        done = await server.send(placed(given, name))
        assert done.status in (200, 201, 204), done.body
    return await server.send(placed(case.ask, name))


def placed(asked: Ask, name: str) -> Ask:
    body = asked.body
    if isinstance(body, dict):
        body = json.loads(json.dumps(body).replace("{case}", name))
    return replace(asked, path=asked.path.replace("{case}", name), body=body)


def location(answer: Answer) -> str | None:
    """Where it is, without a checkpoint's own id."""
    location = answer.headers.get("Location")
    return location.partition("/checkpoints/")[0] if location is not None else None


def is_json(answer: Answer) -> bool:
    try:
        answer.json()
    except ValueError:
        return False
    return True


def comparable(case: Case, answer: Answer) -> Any:
    """The body without what each side words or counts for itself. Of writes, only the dialect tells a reason."""
    body = dated(answer.json())
    if not isinstance(body, dict):
        return body
    if answer.status >= 400:
        return {"reason": body["reason"] if case.ask.method == "GET" else None, "message": bool(body["message"])}
    if "id" in body:
        return sorted(body)
    if case.ask.method != "GET":
        body |= {"hash": None, "hash_algorithm": None}
    if "message" in body:
        body["message"] = True
    if body.get("type") == "directory":
        body["content"] = sorted(body["content"] or (), key=lambda each: str(each["name"]))
    if isinstance(body.get("content"), dict):
        for cell in body["content"]["cells"]:
            cell["metadata"].pop("trusted", None)  # the gateway vouches for nobody's cells, not even as false
    return body
