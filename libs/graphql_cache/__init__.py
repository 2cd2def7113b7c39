"""Answers to whoever has no token, kept in Valkey, and never older than the read models: see README.md."""
