"""Tests of the server that takes webhooks."""
