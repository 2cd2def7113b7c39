// A shop: what is offered, an order for pieces that do not exist yet, and its life.

import { type Filiera, done, graphql } from "./client";
import type {
  ShopOrderSubscription,
  ShopPlaceOrderMutation,
  ShopPlaceOrderMutationVariables,
  ShopProductsQuery,
  ShopProductsQueryVariables,
} from "./generated";

const PRODUCTS = graphql`
  query shopProductsQuery($first: Int!, $after: String) {
    products(first: $first, after: $after) {
      edges {
        node {
          id
          name
          price { amount currency }
          variants { sku label }
          brand { name }
        }
      }
      pageInfo { endCursor hasNextPage }
    }
  }
`;

const PLACE = graphql`
  mutation shopPlaceOrderMutation($input: PlaceOrderInput!) {
    placeOrder(input: $input) {
      __typename
      ... on PlaceOrderSuccess { order { id state dueDay } after }
      ... on Failure { code message }
      ... on InvalidInput { fields { path message } }
    }
  }
`;

/** Follow it with `createClient` of graphql-ws. */
export const ORDER = graphql`
  subscription shopOrderSubscription($id: ID!) {
    order(id: $id) {
      state
      refusal { code message }
      allocations { day quantity resource { name workshop { name } } }
    }
  }
`;

export type Offer = ShopProductsQuery["products"]["edges"][number]["node"];
export type Life = ShopOrderSubscription["order"];

export async function* offers(filiera: Filiera): AsyncGenerator<Offer> {
  let after: string | null = null;
  do {
    const variables: ShopProductsQueryVariables = { first: 50, after };
    const page: ShopProductsQuery = await filiera.ask(PRODUCTS, variables);
    yield* page.products.edges.map((edge) => edge.node);
    after = page.products.pageInfo.hasNextPage ? page.products.pageInfo.endCursor : null;
  } while (after);
}

/** An order for one variant; `key` makes sending it again harmless. */
export async function order(filiera: Filiera, offer: Offer, quantity: number, days: [string, string], key: string) {
  const [variant] = offer.variants;
  if (!variant) throw new Error(`${offer.name} has no variants`);
  const [earliestDay, dueDay] = days;
  const lines = [{ productId: offer.id, sku: variant.sku, quantity }];
  const variables: ShopPlaceOrderMutationVariables = { input: { lines, earliestDay, dueDay, idempotencyKey: key } };
  const { placeOrder }: ShopPlaceOrderMutation = await filiera.ask(PLACE, variables);
  return done(placeOrder, "PlaceOrderSuccess").order;
}

export const says = (life: Life): string =>
  life.refusal?.message ?? `${life.state}: ${life.allocations.map((one) => `${one.day} at ${one.resource?.workshop?.name}`).join(", ")}`;
