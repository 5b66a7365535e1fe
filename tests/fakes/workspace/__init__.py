"""An emulated OCI AI Data Platform workspace on loopback, as strict as spec oci 13 and free of any gateway code."""

from .emulator import (
    PLATFORM_ID,
    PREFIX,
    WORKSPACE_KEY,
    Habits,
    WorkspaceEmulator,
    key_id,
    private_key,
    running_workspace,
)

__all__ = [
    "PLATFORM_ID",
    "PREFIX",
    "WORKSPACE_KEY",
    "Habits",
    "WorkspaceEmulator",
    "key_id",
    "private_key",
    "running_workspace",
]
