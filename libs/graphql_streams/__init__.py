"""What stays open for a client, and operations as server-sent events: see README.md."""
