// Answers the two questions that forge asks a compiler: its version, and to compile standard JSON.
// Sources come inside the JSON, so nothing is read from disk here.
"use strict";

const { readFileSync, writeSync } = require("node:fs");
const solc = require("solc");

const write = (text) => {
  // A pipe takes what it has room for; the rest follows. process.stdout would be cut off by exit.
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
};

if (process.argv.includes("--version")) {
  write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (process.argv.includes("--standard-json")) {
  write(solc.compile(readFileSync(0, "utf8")));
} else {
  process.stderr.write("This compiler knows only --version and --standard-json.\n");
  process.exit(1);
}
