"""Download pip's own wheel from the package index and print its path; a wheel can be run as it is."""

import json
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

INDEX = "https://pypi.org/pypi/pip/json"

with urllib.request.urlopen(INDEX) as answer:
    files = json.load(answer)["urls"]
wheel = next(file for file in files if file["packagetype"] == "bdist_wheel")
target = Path(sys.argv[1]) / wheel["filename"]
with urllib.request.urlopen(urljoin(INDEX, wheel["url"])) as answer:
    target.write_bytes(answer.read())
print(target)
