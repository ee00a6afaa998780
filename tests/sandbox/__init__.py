"""Facts about the sandbox: a double that lies would make every other test worthless."""
