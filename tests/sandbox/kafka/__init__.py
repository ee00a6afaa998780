"""Facts about the broker that tests run on."""
