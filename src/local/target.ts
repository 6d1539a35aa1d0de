import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { messageOf } from "../domain/errors.ts";
import { type EnvironmentState, readState } from "./environmentState.ts";
import type { EnvironmentLayout } from "./layout.ts";
import { addresses, ports } from "./network/addresses.ts";
import { refuse } from "./refusals.ts";

/** The cluster that an environment's program is run against. */
export interface EngineTarget {
  /** `embedded`: the environment's own cluster of processes. `existing`: one that somebody else runs. */
  readonly kind: "embedded" | "existing";
  readonly kubeconfig: string;
  readonly gatewayUrl: string;
  readonly apiUrl: string | null;
  /** Where the console answers if the stack declares one. */
  readonly consoleUrl: string | null;
  /** Without credentials. */
  readonly database: string | null;
  /** PostgreSQL for the program: the superuser's url on this side, with its password, and the address for pods. */
  readonly databaseServer: { readonly url: string; readonly address: string } | null;
}

const existingTarget = z.strictObject({
  formatVersion: z.literal(1),
  kubeconfig: z.string(),
  gatewayUrl: z.url(),
});

const targetFile = (layout: EnvironmentLayout): string => join(layout.root, "existing-cluster.json");

export function embeddedTarget(layout: EnvironmentLayout, state: EnvironmentState): EngineTarget {
  return {
    kind: "embedded",
    kubeconfig: layout.kubeconfig,
    gatewayUrl: `http://127.0.0.1:${state.ports.gateway}`,
    apiUrl: `http://127.0.0.1:${state.ports.api}`,
    consoleUrl: state.ports.console === undefined ? null : `http://127.0.0.1:${state.ports.console}`,
    database: `postgresql://127.0.0.1:${state.ports.postgres}`,
    databaseServer: {
      url: `postgresql://postgres:${encodeURIComponent(state.postgresPassword)}@127.0.0.1:${state.ports.postgres}/postgres?sslmode=disable`,
      address: `${addresses.host}:${ports.postgres}`,
    },
  };
}

/** Remembers that this environment's program runs against a cluster that is already there. */
export async function useExistingCluster(
  layout: EnvironmentLayout,
  cluster: { readonly kubeconfig: string; readonly gatewayUrl: string },
): Promise<EngineTarget> {
  if (await readState(layout)) {
    throw refuse("environment.has-own-cluster", { name: layout.name });
  }
  await mkdir(layout.root, { recursive: true, mode: 0o700 });
  const path = targetFile(layout);
  await writeFile(`${path}.new`, JSON.stringify({ formatVersion: 1, ...cluster }, null, 2));
  await rename(`${path}.new`, path);
  return { kind: "existing", ...cluster, apiUrl: null, consoleUrl: null, database: null, databaseServer: null };
}

/** The target of an environment that was brought up before; undefined when there is none. */
export async function readTarget(layout: EnvironmentLayout): Promise<EngineTarget | undefined> {
  const state = await readState(layout);
  if (state) return embeddedTarget(layout, state);
  let text: string;
  try {
    text = await readFile(targetFile(layout), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { kubeconfig, gatewayUrl } = existingTarget.parse(JSON.parse(text));
    return {
      kind: "existing",
      kubeconfig,
      gatewayUrl,
      apiUrl: null,
      consoleUrl: null,
      database: null,
      databaseServer: null,
    };
  } catch (error) {
    throw refuse("environment.target-unreadable", { file: targetFile(layout), reason: messageOf(error) }, error);
  }
}
