"""All that is not business and knows no Kafka: settings, sessions, identity, errors, logs, clock."""
