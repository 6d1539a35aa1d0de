import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { z } from "zod";
import { messageOf } from "../domain/errors.ts";
import type { EnvironmentLayout } from "./layout.ts";
import { refuse } from "./refusals.ts";

/** The endpoints that the host reaches, each on 127.0.0.1. */
export const relayedEndpoints = ["gateway", "api", "console", "apiserver", "postgres"] as const;
export type RelayedEndpoint = (typeof relayedEndpoints)[number];

const port = z.int().min(1).max(65_535);
const environmentState = z.strictObject({
  formatVersion: z.literal(1),
  createdAt: z.iso.datetime(),
  /** Host ports, chosen once so that URLs stay the same over `down` and `up`. */
  ports: z.strictObject({
    gateway: port,
    api: port,
    /** Of environments that were made before there was a console: none until the next `up`. */
    console: port.optional(),
    apiserver: port,
    postgres: port,
  }),
  /** Password of the PostgreSQL superuser; the file is readable by its owner only. */
  postgresPassword: z.string().min(16),
});
export type EnvironmentState = z.infer<typeof environmentState>;

/** Tried first, so that the URLs in the README are usually right; a second environment takes any free ports. */
const preferredPorts: Readonly<Record<RelayedEndpoint, number>> = {
  gateway: 18080,
  api: 18081,
  console: 18082,
  apiserver: 16443,
  postgres: 15432,
};

/** The state of an environment, or undefined when it was never brought up. */
export async function readState(layout: EnvironmentLayout): Promise<EnvironmentState | undefined> {
  let text: string;
  try {
    text = await readFile(layout.stateFile, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return environmentState.parse(JSON.parse(text));
  } catch (error) {
    throw refuse(
      "environment.state-unreadable",
      { stateFile: layout.stateFile, root: layout.root, reason: messageOf(error) },
      error,
    );
  }
}

/** Reads the state, or makes it: chooses ports and a password. Ports asked for replace the ones chosen before. */
export async function ensureState(
  layout: EnvironmentLayout,
  wanted: Partial<Record<RelayedEndpoint, number>> = {},
): Promise<EnvironmentState> {
  const kept = await readState(layout);
  const taken = new Set<number>();
  const ports = { ...preferredPorts };
  for (const endpoint of relayedEndpoints) {
    const chosen = wanted[endpoint] ?? kept?.ports[endpoint] ?? (await freePort(preferredPorts[endpoint], taken));
    taken.add(chosen);
    ports[endpoint] = chosen;
  }
  const state: EnvironmentState = {
    formatVersion: 1,
    createdAt: kept?.createdAt ?? new Date().toISOString(),
    ports,
    postgresPassword: kept?.postgresPassword ?? randomBytes(24).toString("base64url"),
  };
  if (JSON.stringify(kept) !== JSON.stringify(state)) {
    await mkdir(layout.root, { recursive: true, mode: 0o700 });
    await writeFile(`${layout.stateFile}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
    await rename(`${layout.stateFile}.new`, layout.stateFile);
  }
  return state;
}

/** `preferred` when nothing listens there, else a port that the kernel picks. */
async function freePort(preferred: number, taken: ReadonlySet<number>): Promise<number> {
  if (!taken.has(preferred) && (await listenOnce(preferred)) !== undefined) return preferred;
  for (;;) {
    const free = await listenOnce(0);
    if (free !== undefined && !taken.has(free)) return free;
  }
}

function listenOnce(wanted: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address();
      const chosen = typeof address === "object" && address ? address.port : undefined;
      server.close(() => resolve(chosen));
    });
  });
}
