import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { z } from "zod";
import { messageOf } from "../domain/errors.ts";
import { chooseHostPorts, type MovedPort, type WantedPorts } from "./hostPorts.ts";
import type { EnvironmentLayout } from "./layout.ts";
import { refuse } from "./refusals.ts";

const port = z.int().min(1).max(65_535);
const environmentState = z.strictObject({
  formatVersion: z.literal(1),
  createdAt: z.iso.datetime(),
  /** Host ports, chosen once so that URLs stay the same over `down` and `up`, unless another program has taken one. */
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

/** The state of an environment that is about to start: ports and a password are chosen the first time, and stay. */
export async function makeState(
  layout: EnvironmentLayout,
  wanted: WantedPorts = {},
): Promise<{ readonly state: EnvironmentState; readonly moved: readonly MovedPort[] }> {
  const kept = await readState(layout);
  const { ports, moved } = await chooseHostPorts(wanted, kept?.ports);
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
  return { state, moved };
}
