import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnvironmentLayout } from "../../src/local/layout.ts";

/** Leaves a stack as its last `up` would have: with these outputs, and no other resource. */
export async function writeStackOutputs(layout: EnvironmentLayout, outputs: object): Promise<void> {
  const stacks = join(layout.pulumi.backend, ".pulumi", "stacks", "menagerie");
  await mkdir(stacks, { recursive: true });
  const resources = [
    { urn: "urn:pulumi:local::menagerie::pulumi:pulumi:Stack::x", type: "pulumi:pulumi:Stack", outputs },
  ];
  await writeFile(join(stacks, "local.json"), JSON.stringify({ version: 3, checkpoint: { latest: { resources } } }));
}

/** A zoo model's recording among a stack's outputs. */
export function recordingOutput(schema: string, redact: readonly object[] = []): object {
  const recorded = { schema, url: null, versions: [], sample: 100, bodies: true, retentionDays: 30 };
  return { ...recorded, redact, paused: false };
}
