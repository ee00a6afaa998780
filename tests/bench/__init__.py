"""Tests of what the benchmarks conclude."""
