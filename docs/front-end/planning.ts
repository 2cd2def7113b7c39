// A shop or a brand: when a basket can be made, and all of it held; where there is no room, a place in line.

import { type Filiera, done, graphql } from "./client";
import type {
  PlanningHoldMutation,
  PlanningHoldMutationVariables,
  PlanningJoinMutation,
  PlanningJoinMutationVariables,
  PlanningOfferSubscription,
  PlanningPromiseQuery,
  PlanningPromiseQueryVariables,
} from "./generated";

const PROMISE = graphql`
  query planningPromiseQuery($for: BasketInput!) {
    promiseTogether(for: $for) {
      price { amount currency }
      lots { daysLate answer { readyDay says { en it } } }
    }
  }
`;

const HOLD = graphql`
  mutation planningHoldMutation($input: HoldTogetherInput!) {
    holdTogether(input: $input) {
      __typename
      ... on HoldTogetherSuccess { promise { hold { id expiresAt } } after }
      ... on Failure { code message }
    }
  }
`;

const JOIN = graphql`
  mutation planningJoinMutation($input: JoinWaitlistInput!) {
    joinWaitlist(input: $input) {
      __typename
      ... on JoinWaitlistSuccess { waitlistEntry { id state } after }
      ... on Failure { code message }
    }
  }
`;

/** Follow it until it is complete; `confirmHold` takes what is offered, until `expiresAt`. */
export const OFFER = graphql`
  subscription planningOfferSubscription($id: ID!) {
    waitlistOffer(id: $id) {
      state
      holdId
      expiresAt
      allocations { day quantity resource { name workshop { name } } }
    }
  }
`;

export type Basket = PlanningPromiseQueryVariables["for"]["lots"];
export type Offer = PlanningOfferSubscription["waitlistOffer"];

/** For each lot when it is ready, and why not sooner. Nothing is held. */
export async function promises(filiera: Filiera, lots: Basket) {
  const variables: PlanningPromiseQueryVariables = { for: { lots } };
  const { promiseTogether }: PlanningPromiseQuery = await filiera.ask(PROMISE, variables);
  return promiseTogether.lots.map(({ answer }) => `${answer.readyDay}: ${answer.says.en}`);
}

/** All of the basket is held, or nothing. */
export async function hold(filiera: Filiera, lots: Basket, key: string) {
  const variables: PlanningHoldMutationVariables = { input: { lots, idempotencyKey: key } };
  const { holdTogether }: PlanningHoldMutation = await filiera.ask(HOLD, variables);
  return done(holdTogether, "HoldTogetherSuccess").promise.hold;
}

/** Wait for so many minutes of a process; follow `OFFER` of what this answers. */
export async function wait(filiera: Filiera, process: string, quantity: number, [firstDay, lastDay]: [string, string]) {
  const variables: PlanningJoinMutationVariables = { input: { process, quantity, firstDay, lastDay, currency: "EUR" } };
  const { joinWaitlist }: PlanningJoinMutation = await filiera.ask(JOIN, variables);
  return done(joinWaitlist, "JoinWaitlistSuccess").waitlistEntry.id;
}
