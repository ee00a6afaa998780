"""Tests of the simulated Clearer.io."""
