"""Signing in with a browser, and out again: by a page's ``?token=``, or by the form; both leave cookies behind.

The sign-in page exists where the gateway shows pages and their login is its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote

from aiohttp import hdrs, web

from gateway.contents.model import Caller, Credential
from gateway.contents.operations import Nothing
from gateway.contents.problem import Code, Problem, Reason, invalid
from gateway.contents.upstream import Destination
from gateway.dialects.dialect import Call, Dialect, Incoming, Route
from gateway.dialects.jupyter.passing import query_without_token
from gateway.server.auth import Gatekeeper
from gateway.server.signing_in.browsers import CookieAuthenticator, Grants
from gateway.server.signing_in.cookies import LoginCookies, Proof
from gateway.server.signing_in.origins import Origins, follows_link, wants_page
from gateway.server.signing_in.sign_in_page import CONTENT_SECURITY_POLICY, sign_in_page
from gateway.server.signing_in.targets import own_target

LOGIN = "/login"
LOGOUT = "/logout"
FIRST_PAGE = "/lab"
MAX_FORM_BYTES = 1 << 16
MAX_FORM_FIELDS = 10

_FORM = "application/x-www-form-urlencoded"
_NEVER_KEPT = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
"""With a stricter policy the form would be sent with ``Origin: null``."""


class SignIn:
    """The gate of a gateway whose login is its own."""

    def __init__(
        self,
        gatekeeper: Gatekeeper,
        cookies: LoginCookies,
        browsers: CookieAuthenticator,
        grants: Grants,
        origins: Origins,
        *,
        base_path: str,
        takes_bearer: bool,
    ) -> None:
        self._gatekeeper = gatekeeper
        self._cookies = cookies
        self._browsers = browsers
        self._grants = grants
        self._origins = origins
        self._base_path = base_path
        self._takes_bearer = takes_bearer

    async def enter(self, request: web.Request, dialect: Dialect, *, is_rest: bool) -> Caller | web.StreamResponse:
        """Who asks; or, for who goes to a page: the way to the form, or back to the page without the token."""
        if Credential.COOKIE not in dialect.credentials or not self._is_page(request):
            return await self._gatekeeper.enter(request, dialect, is_rest=is_rest)
        try:
            caller = await self._gatekeeper.caller(request, dialect)
        except Problem as problem:
            if problem.code is not Code.UNAUTHENTICATED or hdrs.AUTHORIZATION in request.headers:
                raise
            return self._to_form(request)
        token = request.query.get("token")
        return await self._kept(request, await self._grants.prove(token)) if token else caller

    def onward(self, request: web.Request, destination: Destination) -> Destination:
        return self._gatekeeper.onward(request, destination)

    async def shown(self, request: web.Request, target: str) -> web.Response:
        """The form; or the way to ``target`` for who is signed in already."""
        try:
            login = await self._browsers.login(request)
        except Problem as problem:
            if problem.code is not Code.UNAUTHENTICATED:
                raise
            login = None
        return self._form(target) if login is None else self._sent_to(target)

    async def submitted(self, request: web.Request) -> web.Response:
        """Sign in who has a good token. FORBIDDEN where another site may have filled in the form."""
        self._origins.refuse_unproven(request)
        fields = await _form_fields(request)
        target = fields.get("next", "")
        try:
            proof = await self._grants.prove(fields.get("token", "").strip())
        except Problem as problem:
            if problem.code is Code.UNAUTHENTICATED:
                return self._form(target, alarm="This token is not accepted.", status=403)
            if problem.code is Code.FORBIDDEN:
                return self._form(target, alarm=problem.detail, status=403)
            raise
        response = self._sent_to(target)
        self._cookies.issue(request, response, proof)
        return response

    async def ended(self, request: web.Request) -> web.Response:
        """Sign out, unless a page of another site asks for it."""
        self._origins.refuse_others(request)
        await self._browsers.sign_out(request)
        response = self._form("", news="You are signed out.")
        self._cookies.withdraw(request, response)
        return response

    async def _kept(self, request: web.Request, proof: Proof) -> web.Response:
        """To the page that was asked for, now with cookies. A link cannot make somebody else of you."""
        target = _without_token(request)
        if own_target(target, self._base_path) is None and target.partition("?")[0] != self._base_path:
            raise invalid("This is no address that a browser can be sent to.")
        if follows_link(request) and await self._is_someone_else(request, proof.caller):
            return self._form(target, alarm="You are signed in as someone else; sign out first.", status=403)
        response = self._sent_to(target, default="/")
        self._cookies.issue(request, response, proof)
        return response

    async def _is_someone_else(self, request: web.Request, caller: Caller) -> bool:
        try:
            login = await self._browsers.login(request)
        except Problem as problem:
            if problem.code is not Code.UNAUTHENTICATED:
                raise
            return False
        return login is not None and login.caller.username != caller.username

    def _is_page(self, request: web.Request) -> bool:
        path = request.path.removeprefix(self._base_path)
        return wants_page(request) and path != "/api" and not path.startswith("/api/")

    def _to_form(self, request: web.Request) -> web.Response:
        target = _without_token(request)
        known = own_target(target, self._base_path) not in (None, "/")
        return _redirect(f"{LOGIN}?next={quote(target, safe='')}" if known else LOGIN)

    def _sent_to(self, target: str, default: str = FIRST_PAGE) -> web.Response:
        return _redirect(own_target(target, self._base_path) or default)

    def _form(self, target: str, *, alarm: str = "", news: str = "", status: int = 200) -> web.Response:
        own = own_target(target, self._base_path)
        known = f"{self._base_path}{own}" if own else ""
        action = f"{self._base_path}{LOGIN}"
        page = sign_in_page(action, known, takes_bearer=self._takes_bearer, alarm=alarm, news=news)
        headers = {**_NEVER_KEPT, "Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return web.Response(text=page, status=status, content_type="text/html", headers=headers)


SIGN_IN = web.AppKey("sign_in", SignIn)


def sign_in_routes() -> tuple[Route, ...]:
    """The routes of the form; the application holds the ``SIGN_IN`` that answers them."""
    return (
        Route("GET", LOGIN, get_login, is_public=True),
        Route("POST", LOGIN, post_login, is_public=True),
        Route("GET", LOGOUT, log_out, is_public=True),
        Route("POST", LOGOUT, log_out, is_public=True),
    )


async def get_login(incoming: Incoming) -> Call[None]:
    """The form; ``next`` is the page to go to afterwards."""
    request = incoming.request
    return _saying(await request.app[SIGN_IN].shown(request, incoming.query_text("next") or ""))


async def post_login(incoming: Incoming) -> Call[None]:
    """The form, filled in."""
    return _saying(await incoming.request.app[SIGN_IN].submitted(incoming.request))


async def log_out(incoming: Incoming) -> Call[None]:
    """The end of a sign-in."""
    return _saying(await incoming.request.app[SIGN_IN].ended(incoming.request))


def _saying(response: web.Response) -> Call[None]:
    return Call(Nothing(), lambda _: response)


def _without_token(request: web.Request) -> str:
    """Path and query as they were asked for, but for the token."""
    path, _, query = request.raw_path.partition("?")
    rest = query_without_token(query)
    return f"{path}?{rest}" if rest else path


def _redirect(location: str) -> web.Response:
    """``location`` is below the base path, and has been checked or is the gateway's own word."""
    return web.Response(status=302, headers={**_NEVER_KEPT, hdrs.LOCATION: location})


async def _form_fields(request: web.Request) -> Mapping[str, str]:
    """The fields of a small form. INVALID for anything else, a field that comes twice included."""
    if request.content_type != _FORM:
        raise Problem(Code.MEDIA_TYPE, f"The form is sent as {_FORM}.")
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > MAX_FORM_BYTES:
            raise Problem(Code.TOO_LARGE, "The form is too large.")
    try:
        pairs = parse_qsl(bytes(body).decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
    except ValueError as error:
        raise invalid("The form cannot be read.", reason=Reason.UNPARSABLE) from error
    if len(dict(pairs)) != len(pairs):
        raise invalid("A field of the form comes twice.")
    return dict(pairs)
