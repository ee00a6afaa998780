"""Tests of what is sent to Yotpo."""
