import type { RefusalTable } from "./refusals/entry.ts";
import { errorsOfTable } from "./refusals/refusal.ts";

/** Why the state of a stack, as its engine wrote it, cannot be worked with. */
export const engineStateRefusals = {
  "state.other-form": {
    says: "the stack's state is none that Pulumi 3.259 writes",
    fix: "use that version, or a newer one",
    cause:
      "The resources of a state are read as that version has them; an older engine, or another tool, wrote something else.",
    exit: 1,
  },
  "state.cut-off": {
    says: "the stack's state is not JSON",
    fix: "restore a version of it that your backend keeps",
    cause: "The run that wrote it was cut off, or the disk is full.",
    exit: 1,
  },
  "state.several-clusters": {
    says: "the stack's objects are in several clusters ({names})",
    fix: "run `up` again",
    cause: "An `up` that moved them to another cluster was cut off, so that each has some of them.",
    exit: 1,
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(engineStateRefusals);
