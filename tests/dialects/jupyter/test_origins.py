"""Pages of other origins may read what they have a token for, and are never given a browser's own credentials."""

from __future__ import annotations

import pytest

from tests.dialects.jupyter.driving import Answer, Ask, Server

PAGE = "https://page.example"
TOKEN = {"Authorization": "token x"}
READ = "/api/contents/none"


def allowed(answer: Answer) -> str | None:
    return answer.headers.get("Access-Control-Allow-Origin")


@pytest.mark.parametrize(
    ("path", "headers"), [(READ, TOKEN), (f"{READ}?token=x", {}), ("/api/nothing", TOKEN), ("/api", TOKEN)]
)
async def test_a_page_with_a_token_may_read_every_answer(dialect: Server, path: str, headers: dict[str, str]) -> None:
    answer = await dialect.send(Ask("GET", path, headers={"Origin": PAGE, **headers}))
    assert (allowed(answer), answer.headers["Vary"]) == (PAGE, "Origin")
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("headers", [{"Origin": PAGE}, TOKEN, {}, {"Origin": "https://é.example", **TOKEN}])
async def test_no_other_page_may(dialect: Server, headers: dict[str, str]) -> None:
    assert allowed(await dialect.send(Ask("GET", READ, headers=headers))) is None


@pytest.mark.parametrize(("asked", "expected"), [("content-type, Authorization", PAGE), ("content-type", None)])
async def test_a_preflight_is_answered_to_a_page_that_will_send_a_token(
    dialect: Server, asked: str, expected: str | None
) -> None:
    headers = {"Origin": PAGE, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": asked}
    answer = await dialect.send(Ask("OPTIONS", READ, headers=headers))
    assert (answer.status, allowed(answer)) == (200, expected)
    assert "if-match" in answer.headers["Access-Control-Allow-Headers"]
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]


async def test_only_a_preflight_is_taken_for_one(dialect: Server) -> None:
    headers = {"Origin": PAGE, "Access-Control-Request-Headers": "authorization"}
    assert allowed(await dialect.send(Ask("GET", READ, headers=headers))) is None
