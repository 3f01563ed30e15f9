// Runs one scenario for pytest: `node run.mjs NAME PARAMETERS`. Lines on stdout are JSON: {ask} wants something
// done outside (an engine stopped, say) and waits for a line on stdin, {result} ends it.
import { createInterface } from "node:readline";
import * as scenarios from "./scenarios.mjs";

const [name, parameters] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const ask = async (what) => {
  say({ ask: what });
  return (await lines.next()).value;
};

try {
  say({ result: await scenarios[name]({ ...JSON.parse(parameters), ask }) });
} catch (error) {
  say({ error: error.stack });
}
process.exit(0);
