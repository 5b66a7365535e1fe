"""WebSockets of Jupyter servers, relayed to their clients."""
