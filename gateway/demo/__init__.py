"""``nbgw demo``: the whole gateway on one machine, with real servers behind it."""
