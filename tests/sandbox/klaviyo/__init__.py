"""Facts about the simulated Klaviyo."""
