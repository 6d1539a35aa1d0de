/** The thread that redacts, but that a certain answer ends it: as a fault of the engine would. */
import { parentPort } from "node:worker_threads";
import type { FramesToRedact } from "../../src/services/recorder/redacting.ts";

parentPort?.on("message", ({ frames }: FramesToRedact) => {
  if (Buffer.from(frames).includes("END THE THREAD")) process.exit(7);
});
await import("../../src/services/recorder/redactor.ts");
