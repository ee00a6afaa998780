"""Bytes of an export file become typed rows, or rejects that say what is wrong and where. No Kafka in here."""
