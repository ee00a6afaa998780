"""Clearer.io (Influence.io): loyalty members, and what they bought and brought back."""
