"""Requests and answers that go through to Jupyter servers and back as they come."""
