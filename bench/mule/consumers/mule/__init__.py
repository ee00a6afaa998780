"""A platform with a bulk endpoint and nothing else: what remains is the engine's own cost."""
