import { open } from "node:fs/promises";
import { join } from "node:path";
import type { EnvironmentLayout } from "../layout.ts";
import { askEnvoy } from "./envoyAdmin.ts";
import { lastTaken, type Rejection, rejectionsOf } from "./rejections.ts";

/** Of the log, its last so many bytes are read. */
const readBytes = 256 * 1024;

/** What the environment's Envoy says of the tables that istiod gives it. */
export class EnvoyTables {
  readonly #log: string;
  readonly #admin: string;

  constructor(layout: EnvironmentLayout) {
    this.#log = join(layout.logs, "gateway.log");
    this.#admin = layout.socketOf("gateway-admin");
  }

  /** How often Envoy refused a table since it was started. */
  async refusals(): Promise<number> {
    const { body } = await askEnvoy(this.#admin, "/stats?usedonly&filter=update_rejected");
    return [...body.matchAll(/: (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  /** Tables that Envoy refuses now. */
  async rejections(): Promise<readonly Rejection[]> {
    return (await this.standing()).rejections;
  }

  /** The same, with when Envoy took a table of a kind last, in milliseconds of the epoch. */
  async standing(): Promise<{
    readonly rejections: readonly Rejection[];
    readonly lastTaken: (table: string) => number;
  }> {
    const log = await endOf(this.#log);
    const { body: times } = await askEnvoy(this.#admin, "/stats?filter=update_time");
    return { rejections: rejectionsOf(log, times), lastTaken: (table) => lastTaken(table, times) };
  }
}

async function endOf(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - readBytes);
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(size - from), position: from });
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}
