"""Lines of a shell, as a user types them."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE, create_subprocess_exec

SHELL_SECONDS = 60.0


async def shell(line: str, **variables: str) -> str:
    """What ``line`` writes to its standard output; every command of it must end well, in a pipe too.

    ``variables`` join those of the environment.
    """
    command = ["bash", "-euo", "pipefail", "-c", line]
    process = await create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=os.environ | variables)
    try:
        async with asyncio.timeout(SHELL_SECONDS):
            stdout, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, f"{line}: {stderr.decode()}"
    return stdout.decode()
