"""Facts about Klaviyo's plans, stepped by hand."""
