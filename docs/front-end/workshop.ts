// A workshop: who it is by its token, its day as it fills, and its list as a file.

import { done, Failed, type Filiera, graphql } from "./client";
import type {
  UploadKind,
  WorkshopDaySubscription,
  WorkshopSignUploadMutation,
  WorkshopSignUploadMutationVariables,
  WorkshopViewerQuery,
  WorkshopViewerQueryVariables,
} from "./generated";

const VIEWER = graphql`
  query workshopViewerQuery {
    viewer { role party { name resources(first: 100) { edges { node { id name } } } } }
  }
`;

const SIGN = graphql`
  mutation workshopSignUploadMutation($input: SignUploadInput!) {
    signUpload(input: $input) {
      __typename
      ... on SignUploadSuccess { url method contentType maxBytes }
      ... on Failure { code message }
    }
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

export interface Report {
  published: number;
  changed: number;
  unchanged: number;
  refused: number;
  lines: { line: number; reference: string; outcome: string; errors?: { path: string; message: string }[] }[];
}

/** What a refusal says, with what is wrong with which part; a proxy before the gateway says it otherwise, or not at all. */
async function whyNot(answer: Response, type: string): Promise<string> {
  const status = `The file was not taken (${answer.status}): send it again.`;
  if (!type.startsWith("application/problem+json")) return status;
  const problem: { detail: string; errors?: { path: string; message: string }[] } = await answer.json();
  return [problem.detail, ...(problem.errors ?? []).map((one) => `${one.path}: ${one.message}`)].join("\n");
}

/** Send a file; the report, and what a query sends as `after` to see what it wrote. The same `key` again does it once. */
export async function send(
  filiera: Filiera,
  kind: UploadKind,
  file: Blob,
  key: string,
): Promise<{ report: Report; after: string[] }> {
  const input = { kind, idempotencyKey: key };
  const signed = await filiera.ask<WorkshopSignUploadMutation, WorkshopSignUploadMutationVariables>(SIGN, { input });
  const to = done(signed.signUpload, "SignUploadSuccess");
  if (file.size > to.maxBytes) throw new Failed(`A file has no more than ${to.maxBytes} bytes.`);
  const headers = { "content-type": to.contentType };
  const answer = await fetch(filiera.at(to.url), { method: to.method, headers, body: file });
  const type = answer.headers.get("content-type") ?? "";
  if (!answer.ok || !type.startsWith("application/json")) throw new Failed(await whyNot(answer, type));
  const after = answer.headers.get("filiera-after");
  return { report: await answer.json(), after: after ? [after] : [] };
}
