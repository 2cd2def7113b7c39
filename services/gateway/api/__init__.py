"""The GraphQL schema and what its resolvers share."""
