// Reads [{ file, rpc, trusted }] from standard input, and prints what verify.js says of each.
import { readFileSync } from "node:fs";

// Imported as a text, because a .js file is a module for a browser, but not for every node.
const source = readFileSync(new URL("../../verify/verify.js", import.meta.url));
const { verify } = await import(`data:text/javascript;base64,${source.toString("base64")}`);

const verdicts = [];
for (const { file, rpc, trusted } of JSON.parse(readFileSync(0, "utf8"))) {
  verdicts.push(await verify(file, { rpcUrl: rpc, contract: trusted, consentRegistry: trusted }));
}
process.stdout.write(JSON.stringify(verdicts));
