"""Mapping tables: what a column becomes in an event, and what an event becomes in a request, for everybody to see."""
