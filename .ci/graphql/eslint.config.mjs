// Relay's rules of connections (https://relay.dev/graphql/connections.htm), and those of good schemas, on the committed SDL.
import graphql from "@graphql-eslint/eslint-plugin";

const { rules } = graphql.configs["flat/schema-relay"];

export default [
  {
    files: ["**/schema.graphql"],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: "services/gateway/schema.graphql" } } },
    plugins: { "@graphql-eslint": graphql },
    rules: {
      ...rules,
      // A connection goes forward, backward or both (4.2 of the connections' specification). Ours go forward: an index each.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
      // Lists that are short by nature, such as the lines of an order, are lists.
      "@graphql-eslint/relay-edge-types": ["error", { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false }],
      "@graphql-eslint/require-description": ["error", { types: true, FieldDefinition: true, InputValueDefinition: true, EnumValueDefinition: true }],
      "@graphql-eslint/require-deprecation-reason": "error",
      "@graphql-eslint/no-hashtag-description": "error",
      "@graphql-eslint/unique-enum-value-names": "error",
    },
  },
];
