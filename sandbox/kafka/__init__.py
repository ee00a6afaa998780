"""A Kafka to try things on: a real broker from Maven's jars, or librdkafka's mock for the demo."""
