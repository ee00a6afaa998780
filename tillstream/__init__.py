"""What all roles share: settings, mapping tables, Kafka plumbing, telemetry and time."""
