"""The OCI AI Data Platform adapter: a workspace as a backend."""
