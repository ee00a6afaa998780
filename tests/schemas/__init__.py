"""Facts about the contract: what is written can be read, by today's readers and by yesterday's."""
