"""What a GraphQL document may ask for, what asking costs, and who pays: see README.md."""
