// A brand: benches that can do a process, their free minutes, and a slot held and booked.

import { type Filiera, done, graphql } from "./client";
import type {
  BrandBenchesQuery,
  BrandBenchesQueryVariables,
  BrandConfirmMutation,
  BrandConfirmMutationVariables,
  BrandHoldMutation,
  BrandHoldMutationVariables,
} from "./generated";

const BENCHES = graphql`
  query brandBenchesQuery($process: String!, $from: Date!, $days: Int!) {
    resources(first: 20, process: $process) {
      edges {
        node {
          id
          name
          unit
          workshop { name }
          terms { pricePerUnit { amount currency } minimumQuantity noticeDays }
          buckets(from: $from, days: $days) { day available }
        }
      }
    }
  }
`;

const HOLD = graphql`
  mutation brandHoldMutation($input: PlaceHoldInput!) {
    placeHold(input: $input) {
      __typename
      ... on PlaceHoldSuccess { hold { id expiresAt } after }
      ... on Failure { code message }
    }
  }
`;

const CONFIRM = graphql`
  mutation brandConfirmMutation($input: ConfirmHoldInput!) {
    confirmHold(input: $input) {
      __typename
      ... on ConfirmHoldSuccess { booking { id price { amount currency } } after }
      ... on Failure { code message }
    }
  }
`;

export type Bench = BrandBenchesQuery["resources"]["edges"][number]["node"];

export async function benches(filiera: Filiera, wanted: BrandBenchesQueryVariables): Promise<Bench[]> {
  const { resources }: BrandBenchesQuery = await filiera.ask(BENCHES, wanted);
  return resources.edges.map((edge) => edge.node);
}

/** The first day with room is held, then booked. */
export async function book(filiera: Filiera, bench: Bench, quantity: number) {
  const free = bench.buckets.find((bucket) => bucket.available >= quantity);
  if (!free) return null;
  const held: BrandHoldMutation = await filiera.ask<BrandHoldMutation, BrandHoldMutationVariables>(HOLD, {
    input: { allocations: [{ resourceId: bench.id, day: free.day, quantity }], seconds: 600 },
  });
  const { hold } = done(held.placeHold, "PlaceHoldSuccess");
  const booked: BrandConfirmMutation = await filiera.ask<BrandConfirmMutation, BrandConfirmMutationVariables>(CONFIRM, {
    input: { id: hold.id },
  });
  return done(booked.confirmHold, "ConfirmHoldSuccess").booking;
}
