"""Take the platforms' calls and put what they say on Kafka, before anybody is told that it was taken."""
