// A workshop with a bench that works every day, made by the public API: there is a day to follow.
const { GATEWAY, TOKEN } = process.env;
const day = (ahead) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);

async function run(name, answer, input) {
  const type = `${name[0].toUpperCase()}${name.slice(1)}`;
  const query = `mutation($input: ${type}Input!) { ${name}(input: $input) { __typename ... on ${type}Success { ${answer} after } } }`;
  const headers = { "content-type": "application/json", authorization: `Bearer ${TOKEN}` };
  const told = await (await fetch(GATEWAY, { method: "POST", headers, body: JSON.stringify({ query, variables: { input } }) })).json();
  if (told.data?.[name].__typename !== `${type}Success`) throw new Error(JSON.stringify(told));
  return told.data[name];
}

await run("registerParty", "party { id }", { kind: "WORKSHOP", name: "Officina delle Prove" });
const place = { name: "Sede", municipality: "Milano", latitude: 45.48, longitude: 9.2, timeZone: "Europe/Rome" };
const { site } = await run("registerSite", "site { id }", place);
const money = { amount: 1, currency: "EUR" };
await run("publishResource", "resource { id }", {
  siteId: site.id,
  name: "Bench",
  kind: "bench",
  processes: ["cutting"],
  terms: { pricePerUnit: money, setupPrice: money },
  calendar: { weekly: Array(7).fill(480), startsOn: day(0), endsOn: day(300) },
});
