/** The API service's way to a model that may sleep and is awake: `front.ts HOST:PORT`, of the model. Prints `{port}`. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { Agent } from "undici";
import type { SleepStore } from "../../../src/adapters/postgres/sleep/sleepStore.ts";
import type { SleepCluster, SleepingService } from "../../../src/domain/sleep/ports.ts";
import { createFrontServer } from "../../../src/services/api/sleep/frontServer.ts";
import { createWaking } from "../../../src/services/api/sleep/waking.ts";

const unused = async (): Promise<never> => {
  throw new Error("is not asked here");
};
const service: SleepingService = {
  name: "model",
  model: "model",
  role: "version",
  idleMinutes: 15,
  isStopped: false,
  recorded: false,
  pool: "cpu",
  createdAt: 0,
};
const cluster: SleepCluster = {
  isListed: () => true,
  find: () => service,
  services: () => [service],
  pods: () => ["pod"],
  readyPods: () => ["pod"],
  hindrance: () => undefined,
  changed: unused,
  setStopped: unused,
};
// The database is asked once in a lease, and what that takes is measured with a whole environment.
const store: SleepStore = {
  use: async () => ({ kind: "go", phase: "awake", generation: 0, granted: 256, seconds: 0 }),
  release: async () => {},
  hear: async () => {},
  answered: unused,
  failed: unused,
  candidates: unused,
  markStopping: unused,
  confirmStop: unused,
  whileAsleep: unused,
  remove: unused,
  forget: unused,
};
const log = pino({ level: "silent" });
const waking = createWaking({ store, cluster, prepare: async () => ({ kind: "answers" }), holder: "bench", log });
setInterval(() => void waking.renew(), 10_000);
const dispatcher = new Agent({ connectTimeout: 3_000, keepAliveTimeout: 4_000, connections: null });
const originOf = () => `http://${process.argv[2]}`;
const copies = { ofBody: 0, ofAll: 0, used: 0 };
const server = createFrontServer({ cluster, waking, originOf, dispatcher, copies, log });
server.listen(0, "127.0.0.1");
await once(server, "listening");
console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
