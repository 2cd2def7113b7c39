"""The ways in for GraphQL: HTTP and web sockets: see README.md."""
