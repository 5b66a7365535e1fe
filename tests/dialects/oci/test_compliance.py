"""The compliance page names cases of tables by their own names; the tests themselves are looked up with all pages."""

from __future__ import annotations

import re
from pathlib import Path

from tests.dialects.oci.test_contents import VECTORS
from tests.dialects.oci.test_every_answer import CASES
from tests.dialects.oci.test_objects import VECTORS as OBJECT_VECTORS
from tests.server.test_signatures import ATTACKS

PAGE = Path(__file__).parents[3] / "docs" / "compliance" / "oci.md"
TABLES = {
    "test_golden_vector": {vector.name for vector in VECTORS},
    "test_golden_object_vector": {vector.name for vector in OBJECT_VECTORS},
    "test_every_answer_names_the_request": {case.name for case in CASES},
    "test_a_forged_request_is_refused_as_unauthenticated_or_unreadable": set(ATTACKS),
}


def test_every_case_that_the_page_names_exists() -> None:
    named = re.findall(r"::(\w+)` \(([^)]*)\)", PAGE.read_text())
    assert {test for test, _ in named} == set(TABLES)
    lost = [case for test, cases in named for case in re.findall(r"\w+", cases) if case not in TABLES[test]]
    assert lost == []
