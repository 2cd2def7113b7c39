// A workshop: who it is by its token, and its day as it fills.

import { type Filiera, graphql } from "./client";
import type { WorkshopDaySubscription, WorkshopViewerQuery, WorkshopViewerQueryVariables } from "./generated";

const VIEWER = graphql`
  query workshopViewerQuery {
    viewer { role party { name resources(first: 100) { edges { node { id name } } } } }
  }
`;

/** Each of its resources on that day, then each that changes. */
export const DAY = graphql`
  subscription workshopDaySubscription($day: Date!) {
    workshopDay(day: $day) { published held committed blocked available resource { id name unit } }
  }
`;

export type Row = WorkshopDaySubscription["workshopDay"];

export async function resources(filiera: Filiera): Promise<string[]> {
  const { viewer } = await filiera.ask<WorkshopViewerQuery, WorkshopViewerQueryVariables>(VIEWER, {});
  return viewer?.party?.resources.edges.map((edge) => edge.node.name) ?? [];
}

export const says = (row: Row): string => `${row.resource?.name}: ${row.available} of ${row.published} ${row.resource?.unit} free`;
