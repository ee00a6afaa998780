"""Facts about the one worker."""
