"""Tests of what Clearer.io is asked."""
