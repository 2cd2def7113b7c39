// The whole client: a document, its variables, and the answer with the types that graphql-codegen made of both.

export const graphql = String.raw;

export class Failed extends Error {}

export class Filiera {
  constructor(
    private readonly address: string,
    private readonly token?: string,
  ) {}

  /** Another address of the same gateway. */
  at(path: string): string {
    return new URL(path, this.address).href;
  }

  /** Ask or command. `after` is what a command answered: a query that sends it sees at least what that command did. */
  async ask<Data, Variables>(document: string, variables: Variables, after: string[] = []): Promise<Data> {
    const answer = await fetch(this.address, {
      method: "POST",
      headers: {
        accept: "application/graphql-response+json",
        "content-type": "application/json",
        ...(this.token && { authorization: `Bearer ${this.token}` }),
        ...(after.length && { "filiera-after": after.join(",") }),
      },
      body: JSON.stringify({ query: document, variables }),
    });
    const told: { data?: Data; errors?: { message: string }[]; detail?: string } = await answer.json();
    if (!told.data) throw new Failed(told.errors?.[0]?.message ?? told.detail);
    return told.data;
  }
}

/** Every failure of a command has a stable code and a sentence for people. */
export function done<Result extends { __typename: string }, Name extends Result["__typename"]>(
  result: Result,
  success: Name,
): Extract<Result, { __typename: Name }> {
  if (result.__typename === success) return result as Extract<Result, { __typename: Name }>;
  throw new Failed("message" in result ? String(result.message) : result.__typename);
}
