// graphql-transport-ws as PROTOCOL.md of graphql-ws says, probed with raw frames and with the reference client.
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { test } from "node:test";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const { GATEWAY, TOKEN } = process.env;
const URL = GATEWAY.replace("http", "ws");
const DEADLINE = { timeout: 15_000, concurrency: true };
const today = new Date().toISOString().slice(0, 10);
const day = `subscription { workshopDay(day: "${today}") { day } }`;
const init = { type: "connection_init" };
const own = { type: "connection_init", payload: { authorization: `Bearer ${TOKEN}` } };
const ask = (id, query = "{ __typename }") => ({ id, type: "subscribe", payload: { query } });

/** A socket that remembers what it was told. */
async function open(protocol = "graphql-transport-ws") {
  const socket = new WebSocket(URL, protocol);
  const told = [];
  const closed = once(socket, "close").then(([code, reason]) => ({ code, reason: String(reason) }));
  socket.on("message", (data) => told.push(JSON.parse(String(data))));
  await once(socket, "open");
  const send = (...messages) => messages.forEach((one) => socket.send(typeof one === "string" ? one : JSON.stringify(one)));
  const hears = async (count) => {
    while (told.length < count) await once(socket, "message");
    return told.slice(0, count);
  };
  return { socket, send, hears, closed, told };
}

const greeted = async (greeting = init) => {
  const line = await open();
  line.send(greeting);
  assert.deepEqual(await line.hears(1), [{ type: "connection_ack" }]);
  return line;
};

const closesWith = async (code, ...messages) => {
  const line = await open();
  line.send(...messages);
  const closed = await line.closed;
  assert.equal(closed.code, code, `${JSON.stringify(messages).slice(0, 200)} closed with ${closed.code} ${closed.reason}`);
  assert.notEqual(closed.reason, "");
};

/** The code with which a protocol is refused. Clients hide it: they end when no protocol is chosen. */
async function refusal(protocol) {
  const headers = {
    connection: "upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": Buffer.alloc(16).toString("base64"),
    "sec-websocket-protocol": protocol,
  };
  const [response, socket, head] = await once(request(GATEWAY, { headers }).end(), "upgrade");
  assert.equal(response.headers["sec-websocket-protocol"], undefined);
  const frame = head.length ? head : (await once(socket, "data"))[0];
  socket.destroy();
  assert.equal(frame[0], 0x88, "no close frame (RFC 6455, 5.5.1)");
  return frame.readUInt16BE(2);
}

test("the server chooses graphql-transport-ws", DEADLINE, async () => {
  const line = await open();
  assert.equal(line.socket.protocol, "graphql-transport-ws");
  line.socket.close();
});

test("the older graphql-ws and unknown protocols are refused with 4406", DEADLINE, async () => {
  for (const protocol of ["graphql-ws", "soap"]) assert.equal(await refusal(protocol), 4406, protocol);
});

test("who does not begin in time is sent away with 4408", DEADLINE, () => closesWith(4408));
test("who begins twice is sent away with 4429", DEADLINE, () => closesWith(4429, init, init));
test("who asks before the acknowledgement is sent away with 4401", DEADLINE, () => closesWith(4401, ask("1")));
test("a token that is not valid is refused with 4403", DEADLINE, () =>
  closesWith(4403, { type: "connection_init", payload: { authorization: "Bearer nobody" } }));

for (const [name, wrong] of Object.entries({
  "no JSON": "{",
  "no object": "[]",
  "no type": {},
  "an unknown type": { type: "start" },
  "a type of the server": { type: "next", id: "1", payload: {} },
  "a subscribe without an id": { type: "subscribe", payload: { query: "{ __typename }" } },
  "a subscribe without a query": { type: "subscribe", id: "1", payload: {} },
  "a subscribe whose query is no text": { type: "subscribe", id: "1", payload: { query: 1 } },
  "a subscribe whose variables are no object": { type: "subscribe", id: "1", payload: { query: "{ __typename }", variables: [] } },
  "a subscribe without a payload": { type: "subscribe", id: "1" },
  "a subscribe with an empty id": { type: "subscribe", id: "", payload: { query: "{ __typename }" } },
  "a complete without an id": { type: "complete" },
}))
  test(`${name} is sent away with 4400`, DEADLINE, () => closesWith(4400, init, wrong));

test("a second subscription under a living id is sent away with 4409, which names it", DEADLINE, async () => {
  const line = await greeted(own);
  line.send(ask("twin", day), ask("twin", day));
  assert.deepEqual(await line.closed, { code: 4409, reason: "Subscriber for twin already exists" });
});

test("an id may be used again once it is complete", DEADLINE, async () => {
  const line = await greeted();
  for (const round of [1, 2]) {
    line.send(ask("again"));
    await line.hears(1 + 2 * round);
  }
  const told = line.told.slice(1).map(({ id, type, payload }) => [id, type, payload?.data]);
  const answer = [["again", "next", { __typename: "Query" }], ["again", "complete", undefined]];
  assert.deepEqual(told, [...answer, ...answer]);
  line.socket.close();
});

test("a ping is answered with a pong at any time, and a pong is taken", DEADLINE, async () => {
  const line = await open();
  line.send({ type: "ping" }, { type: "pong", payload: { any: 1 } }, { type: "ping", payload: { any: 1 } }, init);
  const told = await line.hears(3);
  assert.deepEqual(told.map((one) => one.type), ["pong", "pong", "connection_ack"]);
  line.socket.close();
});

test("a document that is not valid is one error, and the connection stays", DEADLINE, async () => {
  const line = await greeted();
  line.send(ask("bad", "{ nothing }"), ask("torn", "{"));
  const told = (await line.hears(3)).slice(1);
  assert.deepEqual(told.map((one) => [one.type, Array.isArray(one.payload)]), [["error", true], ["error", true]]);
  line.send(ask("good"));
  assert.equal((await line.hears(5))[4].type, "complete");
  line.socket.close();
});

test("what completes is not told any more, and completing what is unknown does nothing", DEADLINE, async () => {
  const line = await greeted(own);
  line.send({ id: "unknown", type: "complete" }, ask("day", day));
  assert.equal((await line.hears(2))[1].type, "next");
  line.send({ id: "day", type: "complete" }, ask("last"));
  const told = await line.hears(4);
  assert.deepEqual(told.slice(2).map((one) => one.id), ["last", "last"]);
  line.socket.close();
});

test("several subscriptions share a connection", DEADLINE, async () => {
  const line = await greeted(own);
  line.send(...["a", "b", "c"].map((id) => ask(id, day)));
  const told = (await line.hears(4)).slice(1);
  assert.deepEqual(told.map((one) => one.id).sort(), ["a", "b", "c"]);
  line.socket.close();
});

test("the reference client asks, follows and lets go", DEADLINE, async () => {
  const client = createClient({ url: URL, webSocketImpl: WebSocket, connectionParams: own.payload, retryAttempts: 0 });
  const heard = [];
  for await (const one of client.iterate({ query: "query q($n: Int!) { parties(first: $n) { __typename } }", variables: { n: 1 } }))
    heard.push(one.data.parties.__typename);
  assert.deepEqual(heard, ["PartyConnection"]);
  for await (const one of client.iterate({ query: day })) {
    assert.equal(one.data.workshopDay.day, today);
    break;
  }
  await client.dispose();
});

test("the reference client is told that a token is refused", DEADLINE, async () => {
  const connectionParams = { authorization: "Bearer x" };
  const client = createClient({ url: URL, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 });
  const failed = await new Promise((resolve) => client.subscribe({ query: "{ __typename }" }, { next() {}, complete() {}, error: resolve }));
  assert.equal(failed.code, 4403);
});
