"""The Jupyter adapter: an upstream jupyter_server as a backend."""
