"""Facts about the generator of shops."""
