// Types of the sample front-end's documents, from the committed SDL.
export default {
  schema: "../../services/gateway/schema.graphql",
  documents: ["../../docs/front-end/*.ts", "!../../docs/front-end/generated.ts"],
  generates: {
    "../../docs/front-end/generated.ts": {
      plugins: ["typescript", "typescript-operations"],
      config: { avoidOptionals: { field: true }, strictScalars: true, scalars: { Date: "string", DateTime: "string", Time: "string" }, dedupeOperationSuffix: true, enumsAsTypes: true, onlyOperationTypes: true, useTypeImports: true, nonOptionalTypename: false, skipTypeNameForRoot: true },
    },
  },
};
