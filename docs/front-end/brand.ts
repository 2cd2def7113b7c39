// A brand: where there is room for a process near a place, held and booked.

import { type Filiera, done, graphql } from "./client";
import type {
  BrandConfirmMutation,
  BrandConfirmMutationVariables,
  BrandHoldMutation,
  BrandHoldMutationVariables,
  BrandSearchQuery,
  BrandSearchQueryVariables,
} from "./generated";

const SEARCH = graphql`
  query brandSearchQuery($for: SearchInput!, $order: WindowOrder!) {
    search(for: $for, order: $order, first: 10) {
      ageSeconds
      windows {
        startsOn
        endsOn
        km
        price { amount currency }
        days { day quantity }
        resource { id name unit }
        workshop { name }
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

export type Window = BrandSearchQuery["search"]["windows"][number];

/** Where there is room, the nearest first; `minutes` of one resource. */
export async function nearby(filiera: Filiera, process: string, minutes: number, latitude: number, longitude: number) {
  const variables: BrandSearchQueryVariables = {
    for: { process, quantity: minutes, near: { latitude, longitude, km: 20 } },
    order: "NEAREST",
  };
  const { search }: BrandSearchQuery = await filiera.ask(SEARCH, variables);
  return search.windows;
}

/** All days of a window are held, or none; then booked. */
export async function book(filiera: Filiera, window: Window) {
  const { resource } = window;
  if (!resource) return null;
  const allocations = window.days.map(({ day, quantity }) => ({ resourceId: resource.id, day, quantity }));
  const hold: BrandHoldMutationVariables = { input: { allocations, seconds: 600 } };
  const held: BrandHoldMutation = await filiera.ask(HOLD, hold);
  const confirm: BrandConfirmMutationVariables = { input: { id: done(held.placeHold, "PlaceHoldSuccess").hold.id } };
  const booked: BrandConfirmMutation = await filiera.ask(CONFIRM, confirm);
  return done(booked.confirmHold, "ConfirmHoldSuccess").booking;
}
