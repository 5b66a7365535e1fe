"""Oracle's command line, imported once and forked for every call: its imports take ten times as long as the call.

    python -m tests.compat.oracle_cli_forks SOCKET

A call is one line of JSON, ``{arguments, environment, stdin}``, on a connection of its own; so is what came of it,
``{exit_code, stdout, stderr}``. ``stdin`` is base64. Each call has a process to itself, as on a command line.
"""

from __future__ import annotations

import base64
import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from socketserver import ForkingMixIn, StreamRequestHandler, UnixStreamServer

_main = import_module("aidp_cli.main")


class Calls(ForkingMixIn, UnixStreamServer):
    """The process that is forked."""


class Call(StreamRequestHandler):
    """One call, in a process that ends with it."""

    def handle(self) -> None:
        asked = json.loads(self.rfile.readline())
        os.environ.clear()
        os.environ.update(asked["environment"])
        sys.stdin = io.TextIOWrapper(io.BytesIO(base64.b64decode(asked["stdin"])))
        stdout, stderr = io.StringIO(), io.StringIO()
        with redirect_stdout(stdout), redirect_stderr(stderr):
            status = _main.main(asked["arguments"])
        # A process has room for eight bits of it.
        answer = {"exit_code": status % 256, "stdout": stdout.getvalue(), "stderr": stderr.getvalue()}
        self.wfile.write(json.dumps(answer).encode())


if __name__ == "__main__":
    _main.ensure_manifest_loaded()
    _main.ensure_clients_loaded()
    Calls(sys.argv[1], Call).serve_forever()
