"""Notebooks for the tests, as the bytes of a file."""

from __future__ import annotations

import json
from typing import Any

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def notebook(*cells: dict[str, Any], **metadata: Any) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}).encode()


def markdown(source: str, **more: Any) -> dict[str, Any]:
    return {"id": "m", "cell_type": "markdown", "metadata": {}, "source": source, **more}


def raw(source: str, mimetype: str = "text/html") -> dict[str, Any]:
    return {"id": "r", "cell_type": "raw", "metadata": {"raw_mimetype": mimetype}, "source": source}


def code(*outputs: dict[str, Any], source: str = "1", **more: Any) -> dict[str, Any]:
    cell = {"id": "c", "cell_type": "code", "metadata": {}, "source": source, "execution_count": 1}
    return {**cell, "outputs": outputs, **more}


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def display(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": metadata or {}, "data": data}


def html(fragment: str) -> dict[str, Any]:
    return display({"text/html": fragment})


def error(*traceback: str, name: str = "ValueError", value: str = "no") -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": list(traceback)}
