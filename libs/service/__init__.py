"""What a service of the platform is made of: its wiring, commands over HTTP, health, tables, housekeeping."""
