"""Which methods a URL has: what OPTIONS answers, and what is refused where a broader route would take it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import NoReturn

from aiohttp import web

from gateway.contents.operations import Nothing
from gateway.contents.problem import Code, Problem
from gateway.dialects.dialect import Call, Endpoint, Incoming, Route
from gateway.dialects.jupyter.origins import preflight_headers

_OPTIONS = "OPTIONS"


def with_options(routes: Iterable[Route]) -> tuple[Route, ...]:
    """The routes, each group of one template followed by its public OPTIONS (spec jupyter A3)."""
    result: list[Route] = []
    for template, group in groupby(routes, key=lambda route: route.template):
        result += group
        methods = [route.method for route in result if route.template == template and not _is_refusal(route)]
        result.append(Route(_OPTIONS, template, allowing((*methods, _OPTIONS)), is_public=True))
    return tuple(result)


def refusals(template: str, methods: Iterable[str], allow: tuple[str, ...]) -> tuple[Route, ...]:
    """Routes for methods a URL does not have, so that they never reach a broader template behind it."""
    return tuple(Route(method, template, _Refusal((*allow, _OPTIONS)), is_public=True) for method in methods)


def allowing(methods: tuple[str, ...]) -> Endpoint:
    """OPTIONS of a URL that has these."""

    async def options(_: Incoming) -> Call[None]:
        return Call(Nothing(), lambda _: web.Response(headers={"Allow": ", ".join(methods), **preflight_headers()}))

    return options


class _Refusal:
    """The endpoint of a method that does not exist here."""

    def __init__(self, allow: tuple[str, ...]) -> None:
        self._allow = allow

    async def __call__(self, incoming: Incoming) -> NoReturn:
        raise Problem(Code.METHOD_NOT_ALLOWED, f"{incoming.request.method} is not supported here.", allow=self._allow)


def _is_refusal(route: Route) -> bool:
    return isinstance(route.endpoint, _Refusal)
