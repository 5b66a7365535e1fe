"""What carries a request from the socket to an operation and back, whatever its dialect."""
