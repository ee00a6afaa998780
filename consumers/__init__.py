"""Events to requests: one engine, and a folder per platform."""
