import type { RefusalTable } from "../refusals/entry.ts";
import { errorsOfTable } from "../refusals/refusal.ts";

/** What is refused of a patch that a client sends. */
export const patchRefusals = {
  "patch.config-changed": {
    says: "{configFilename}: its text in the signature does not have the signature's hash",
    fix: "compute the patch again",
    cause: "The config.yaml was saved while the client computed the patch.",
  },
  "patch.removed-and-kept": {
    says: "{path} is removed by an operation, but the signature still has it",
    fix: "compute the patch again",
    cause:
      "The operations and the signature come from two readings of the folder, or from a client of another version.",
  },
  "patch.unknown-file": {
    says: "{path} is changed by an operation, but the signature does not have it",
    fix: "compute the patch again",
    cause:
      "The operations and the signature come from two readings of the folder, or from a client of another version.",
  },
  "patch.other-content": {
    says: "{path}: its content does not have the signature's hash, because it was saved meanwhile or mixes line ends",
    fix: "save it again",
    cause:
      "The file was saved while the client computed the patch, or mixes line ends, which the truss library reads as one kind.",
  },
  "patch.not-an-operation": {
    says: "patches{place}: {problem}",
    fix: "",
    cause: "Patches are lists of the operations that the truss library's control server knows.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(patchRefusals);
