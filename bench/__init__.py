"""How fast tillstream is, how much it needs, and how close to the limit: one small program for each promise."""

from pathlib import Path

HOME = Path(__file__).parents[1]
PLATFORMS = (HOME / "bench" / "mule", HOME / "tests" / "second_platform")
"""Platforms that only measure; they are found like any other once their folders are on the path."""
