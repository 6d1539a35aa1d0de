import type { RefusalTable } from "../refusals/entry.ts";
import { errorsOfTable } from "../refusals/refusal.ts";

/** What is refused of a truss that a client pushes. */
export const pushedRefusals = {
  "push.no-model-folder": {
    says: 'config.yaml: model_module_dir: there is no folder "{folder}" in the truss',
    fix: "give the folder that holds model.py",
    cause: "The server loads the model from this folder.",
  },
  "push.gpu": {
    says: "config.yaml: resources: {accelerator}: pushed models get no GPU",
    fix: "{declare}",
    cause: "GPUs come from pools that a stack declares and reviews.",
  },
  "push.secrets": {
    says: "config.yaml: secrets: {secrets}: pushed models get no secrets",
    fix: "{declare}",
    cause: "Secrets of a cluster are given to models that a stack declares and reviews.",
  },
  "push.name": {
    says: "model_name: {name} is not a model's name",
    fix: "use at most 63 letters, digits, dashes, dots and underscores",
    cause: "The name becomes a label and a part of names in Kubernetes.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(pushedRefusals);
