"""Notebooks as pages of HTML, made in processes of their own: what a notebook holds is not the gateway's to trust."""
