"""The contract between those who publish events and those who carry them on: Avro definitions and what speaks them."""
