// GraphQL over HTTP: the audits of graphql-http, every one of them, against a running gateway.
import { serverAudits } from "graphql-http";

const KNOWN = 61;
const audits = serverAudits({ url: process.env.GATEWAY });
let failed = 0;
for (const audit of audits) {
  const result = await audit.fn();
  if (result.status !== "ok") {
    failed += 1;
    console.error(`${result.status}: ${audit.id} ${audit.name}: ${result.reason ?? ""}`);
  }
}
console.log(`${audits.length - failed} of ${audits.length} audits hold`);
if (failed || audits.length !== KNOWN) process.exit(1);
