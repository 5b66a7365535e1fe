#!/bin/sh
# Finds or fetches uv, and prints its path. Needs only Python 3.11+: with uv on PATH, with venv, or with neither.
set -eu
if command -v uv >/dev/null 2>&1; then command -v uv; exit 0; fi
home=.venvs/uv
if [ ! -x "$home/bin/uv" ]; then
    python=$(command -v python3)
    rm -rf "$home"
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv "$home" >&2
        "$home/bin/python" -m pip install --quiet uv >&2
    else
        # Debian without python3-venv: an environment without pip, and pip run from its own wheel.
        "$python" -m venv --without-pip "$home" >&2
        wheel=$("$home/bin/python" tools/fetch_pip.py "$home") 
        "$home/bin/python" "$wheel/pip" install --quiet uv >&2
    fi
fi
echo "$home/bin/uv"
