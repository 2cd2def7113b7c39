"""What a GraphQL service of the platform needs that is not its business: see README.md."""
