"""Tests of the simulated Yotpo."""
