"""Never lose, never double: the outbox and its relay, the consumer, parking. The only place that knows Kafka."""
