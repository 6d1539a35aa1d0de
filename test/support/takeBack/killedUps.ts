/**
 * A process in which several `up` go forward, each held at one of its statements. Prints `ready` once all of them are there. Standard
 * input: a line of JSON, {@link KilledUps}, then `kill`, at which it kills itself, or `go`, at which they go on; then it prints a line of
 * JSON for each, what it ended with, null for nothing.
 */
import { createInterface } from "node:readline";
import { type DatabaseServer, withClient } from "../../../src/adapters/postgres/server.ts";
import { messageOf } from "../../../src/domain/errors.ts";
import { platformDatabase } from "../../../src/domain/platformDatabase.ts";
import { HeldRuns } from "../killing/heldRuns.ts";
import type { KillPoint } from "../killing/killedAtPoints.ts";
import { type ForwardPlan, goForward } from "./goForward.ts";

export interface KilledUps {
  readonly server: DatabaseServer;
  readonly runs: readonly { readonly plan: ForwardPlan; readonly point: KillPoint }[];
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const said = async (): Promise<string> => (await lines.next()).value ?? "";
const { server, runs } = JSON.parse(await said()) as KilledUps;
const held = new HeldRuns(runs.length);
const ended = Promise.all(
  runs.map(({ plan, point }) =>
    held
      .run(point, (hold) => withClient(server, platformDatabase, (client) => goForward(hold(client), plan)))
      .then(() => null, messageOf),
  ),
);
await held.ready;
console.log("ready");
if ((await said()) === "kill") {
  await held.send();
  process.kill(process.pid, "SIGKILL");
}
held.resume();
for (const each of await ended) console.log(JSON.stringify(each));
process.exit(0);
