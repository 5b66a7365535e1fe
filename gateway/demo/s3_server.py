"""``python -m gateway.demo.s3_server FOLDER``: a process that is an S3 server, and says where in ``FOLDER/s3.json``."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from moto.server import ThreadedMotoServer


def serve(folder: Path) -> None:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    (folder / "s3.json").write_text(json.dumps({"url": f"http://{host}:{port}"}))
    signal.pause()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
