"""A shop to try tillstream on: simulated platforms, an SFTP server, a Kafka and a generator of shops."""
