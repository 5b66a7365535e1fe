"""The contract of ``gateway.contents.backend`` as tests.

Subclass ``BackendContract`` and give it an async fixture ``backend`` that yields a fresh, probed, empty backend and
closes it. Nothing here knows which backend it is: what is not declared is skipped by the missing capability's name.
"""

from __future__ import annotations

from tests.contract.conditions import ConditionsContract
from tests.contract.moving import CheckpointContract, CopyContract, MoveContract
from tests.contract.reading import ReadingContract
from tests.contract.running import SessionContract
from tests.contract.stability import StabilityContract
from tests.contract.streaming import StreamingContract
from tests.contract.writing import WritingContract


class BackendContract(
    ReadingContract,
    StreamingContract,
    WritingContract,
    ConditionsContract,
    CopyContract,
    MoveContract,
    CheckpointContract,
    StabilityContract,
    SessionContract,
):
    """Everything that is true of every backend."""
