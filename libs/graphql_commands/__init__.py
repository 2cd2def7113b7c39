"""Mutations that are commands of services: see README.md."""
