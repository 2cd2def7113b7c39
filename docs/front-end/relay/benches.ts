// With Relay: a list that goes on (https://relay.dev/docs/guided-tour/list-data/pagination/), by `usePaginationFragment`.

import { graphql } from "react-relay";

export const query = graphql`
  query benchesQuery($process: String!) {
    ...benches_list @arguments(process: $process)
  }
`;

export const list = graphql`
  fragment benches_list on Query
  @refetchable(queryName: "benchesListQuery")
  @argumentDefinitions(process: { type: "String!" }, count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) {
    resources(first: $count, after: $cursor, process: $process) @connection(key: "benches_resources") {
      edges { node { ...benches_bench } }
    }
  }
`;

export const bench = graphql`
  fragment benches_bench on Resource @refetchable(queryName: "benchesBenchQuery") {
    name
    workshop { name }
    terms { pricePerUnit { amount currency } }
  }
`;
