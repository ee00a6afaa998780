"""A simulated Clearer.io loyalty account (Influence.io Platform API)."""
