"""Klaviyo: profiles, consent and in-store events."""
