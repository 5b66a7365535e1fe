"""The client-facing APIs: one parser and one renderer per endpoint, one package per dialect."""
