"""How fast tillstream is, how much it needs, and how close to the limit: one small program for each promise."""

import sys
from pathlib import Path

HOME = Path(__file__).parents[1]
PLATFORMS = (HOME / "bench" / "mule", HOME / "tests" / "second_platform")
"""Platforms that only measure; they are found like any other, because their folders are on the path."""

sys.path[:0] = [str(folder) for folder in PLATFORMS]
