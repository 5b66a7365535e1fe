"""The demo: real stores on this machine, the gateway over them, and a proof that it keeps its promises."""
