"""An emulated OCI AI Data Platform workspace on loopback, as strict as spec oci 13 and free of any gateway code."""

from .emulator import WorkspaceEmulator
from .generations import CURRENT, OLDER, PLATFORM_ID, PREFIX, WORKSPACE_KEY, Generation
from .habits import CLUSTER_ID, Habits
from .identities import Identity, key_id, private_key
from .serving import running_workspace

__all__ = [
    "CLUSTER_ID",
    "CURRENT",
    "OLDER",
    "PLATFORM_ID",
    "PREFIX",
    "WORKSPACE_KEY",
    "Generation",
    "Habits",
    "Identity",
    "WorkspaceEmulator",
    "key_id",
    "private_key",
    "running_workspace",
]
