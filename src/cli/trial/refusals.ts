import type { RefusalTable } from "../../domain/refusals/entry.ts";
import { errorsOfTable } from "../../domain/refusals/refusal.ts";

/** What is refused of `menagerie try`. */
export const tryRefusals = {
  "try.cluster-and-pool": {
    says: "--cluster and --pool belong together",
    fix: "give both for a trial in a cluster, and neither for one on this machine",
    cause: "A trial in a cluster runs on the nodes of one pool.",
  },
  "try.port": {
    says: "--port {port}: {reason}",
    fix: "name another one, or leave it out to take a free one",
    cause: "The trial's models answer at a port of this machine.",
  },
  "try.secrets-file": {
    says: "--secrets {path}: {reason}",
    fix: "write a line `name: value` for each secret",
    cause: "Values of secrets that the environment does not have are read from a file.",
  },
  "try.command": {
    says: "{program} cannot be run: {reason}",
    fix: "",
    cause: "The trial was brought up for a command.",
  },
  "try.no-such-model": {
    says: '--model "{model}": {release} has no such model that is served',
    fix: "it has {models}",
    cause: "A trial may bring up some of a release's models only.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(tryRefusals);
