"""Kafka as tillstream uses it: clients, one-call transactions, topics, and state that survives a crash."""
