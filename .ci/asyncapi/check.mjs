// Do tools that we did not write accept the contracts? The official AsyncAPI parser reads asyncapi.json; Ajv compiles
// every JSON Schema as draft 2020-12, and tries the examples on them and on the document's own schemas, which the
// parser does not. Errors and warnings both fail.
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Parser, fromFile } from "@asyncapi/parser";
import Ajv from "ajv";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const contracts = new URL("../../libs/contracts/", import.meta.url);
const WARNING = 1; // Spectral: 0 error, 1 warning, 2 information, 3 hint

const strict = addFormats(new Ajv2020({ strict: true, allErrors: true }));
["x-cloudevents-type", "x-kafka-topic"].forEach((keyword) => strict.addKeyword(keyword));
const lenient = addFormats(new Ajv({ strict: false, allErrors: true })); // draft 7; the parser adds words of its own

async function read() {
  const file = fileURLToPath(new URL("asyncapi.json", contracts));
  const { document, diagnostics } = await fromFile(new Parser(), file).parse();
  const faults = diagnostics
    .filter((found) => found.severity <= WARNING)
    .map((found) => `asyncapi.json: ${found.path.join(".")}: ${found.message} (${found.code})`);
  return { messages: document ? document.components().messages().all() : [], faults };
}

/** What `schema` has against itself and `values`, in sentences. */
function fit(where, ajv, schema, values) {
  try {
    const accepts = ajv.compile(schema);
    return values.filter((value) => !accepts(value)).map(() => `${where}: ${ajv.errorsText(accepts.errors)}`);
  } catch (refused) {
    return [`${where}: ${refused.message}`];
  }
}

function checkMessage(message) {
  const name = message.name();
  const examples = message.examples().all();
  const payloads = examples.map((example) => example.payload());
  const schema = JSON.parse(readFileSync(new URL(`schemas/${name}.json`, contracts), "utf8"));
  return [
    ...fit(`schemas/${name}.json`, strict, schema, payloads),
    ...fit(`asyncapi.json: payload of ${name}`, lenient, message.payload().json(), payloads),
    ...fit(`asyncapi.json: headers of ${name}`, lenient, message.headers().json(), examples.map((e) => e.headers())),
  ];
}

const { messages, faults } = await read();
faults.push(...messages.flatMap(checkMessage));
const files = readdirSync(new URL("schemas/", contracts)).length;
if (faults.length === 0 && files !== messages.length) faults.push(`${files} schemas, but ${messages.length} messages.`);
if (faults.length > 0) {
  faults.forEach((fault) => console.error(fault));
  console.error("The contracts were refused: mend what writes them, then run `python -m libs.contracts.build`.");
  process.exit(1);
}
console.log(`asyncapi.json accepted; ${messages.length} events, each with its JSON Schema; the examples fit.`);
