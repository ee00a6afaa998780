"""A Klaviyo to try things on: it enforces what the real one enforces, forgets everything, and can be told to fail."""
