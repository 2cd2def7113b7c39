// Operations as server-sent events, as PROTOCOL.md of graphql-sse says ("distinct connections mode"), with its client.
// https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "graphql-sse";

const { GATEWAY: url, TOKEN } = process.env;
const DEADLINE = { timeout: 15_000, concurrency: true };
const today = new Date().toISOString().slice(0, 10);
const day = `subscription { workshopDay(day: "${today}") { day } }`;
const headers = { authorization: `Bearer ${TOKEN}` };

/** All that a client is told of one operation. */
async function heard(request, options = {}) {
  const client = createClient({ url, headers, retryAttempts: 0, ...options });
  const told = [];
  for await (const one of client.iterate(request)) told.push(one);
  client.dispose();
  return told;
}

test("a query is one answer", DEADLINE, async () => {
  const query = "query q($n: Int!) { parties(first: $n) { __typename } }";
  const [one, ...more] = await heard({ query, variables: { n: 1 }, operationName: "q" });
  assert.deepEqual([one.data, more], [{ parties: { __typename: "PartyConnection" } }, []]);
});

test("what is not valid is told as an answer, and the stream is complete", DEADLINE, async () => {
  for (const query of ["{ nothing }", "{", "subscription { nothing }"]) {
    const told = await heard({ query });
    assert.deepEqual(told.map((one) => [one.errors.length, one.data]), [[1, undefined]], query);
  }
});

test("a subscription is followed and let go", DEADLINE, async () => {
  const client = createClient({ url, headers, retryAttempts: 0 });
  for await (const one of client.iterate({ query: day })) {
    assert.equal(one.data.workshopDay.day, today);
    assert.match(one.extensions.eventId, /^\S+$/);
    break;
  }
  client.dispose();
});

test("the client is told that a token is refused", DEADLINE, () =>
  assert.rejects(heard({ query: "{ __typename }" }, { headers: { authorization: "Bearer x" } }), (error) => error.response.status === 401));

test("an address is asked as browsers do, and answers in frames", DEADLINE, async () => {
  const answer = await fetch(`${url}?query={__typename}`, { headers: { accept: "text/event-stream" } });
  const type = answer.headers.get("content-type").split(";")[0];
  assert.deepEqual([answer.status, type], [200, "text/event-stream"]);
  const frames = (await answer.text()).split("\n\n").filter((frame) => frame && !frame.startsWith(":"));
  assert.match(frames[0], /^event: next\ndata: {"data":{"__typename":"Query"}/);
  assert.deepEqual(frames.slice(1), ["event: complete\ndata: "]);
});
