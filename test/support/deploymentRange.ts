import type { DeploymentRange } from "../../src/domain/release/record.ts";

/** What a deployment by `up` is recorded with, where a test is about other things of it. */
export const byAnUp = {
  scheme: "deployment-manager",
  outcome: "deployed",
  configDigest: "",
  commit: null,
  promotedFrom: null,
  requestedBy: "ada@laptop",
  run: "run",
  settledBy: "up",
  reason: null,
} satisfies Partial<DeploymentRange>;
