import type { RefusalTable } from "../refusals/entry.ts";
import { errorsOfTable, refusalsOfTable } from "../refusals/refusal.ts";

/** What is refused of a truss folder: its config.yaml, requirements, ignore patterns and files. */
export const trussRefusals = {
  "truss.config-not-yaml": {
    says: "{file}{at}: not valid YAML: {reason}",
    fix: "",
    cause: "A config.yaml is read as PyYAML reads it, so that it means the same here as in the truss library.",
  },
  "truss.config-not-a-mapping": {
    says: '{file}: must be a mapping such as "model_name: iris", not {raw}',
    fix: "",
    cause: "A config.yaml is a mapping from keys to values.",
  },
  "truss.config-value": {
    says: "{problem}",
    fix: "{fix}",
    cause: "The truss library does not take this value; the words after the value are the library's own.",
  },
  "truss.text-too-long": {
    says: "{path} has {size} MiB",
    fix: "at most {longestText} MiB are read as text",
    cause: "A config.yaml and requirements are read as a whole; a file of this size is data under a wrong name.",
  },
  "truss.system-packages": {
    says: 'truss "{name}": system_packages: {packages}: a directory image cannot install system packages',
    fix: "install them on this machine and remove the key for the local environment, or build the truss in a cluster",
    cause:
      "Containers of the local environment share this machine's system folders, so nothing can be installed into one of them alone.",
  },
  "truss.not-in-a-directory-image": {
    says: 'truss "{name}": {key}: a directory image cannot have it',
    fix: "{instead}",
    cause:
      "The local environment has no image layers: a truss is laid out as a directory that runs on this machine's own system.",
  },
  "truss.ignore-nothing": {
    says: 'ignore pattern "{pattern}" matches nothing',
    fix: "remove it",
    cause: 'The truss library refuses such a pattern too, most often a lone "!" or "/".',
  },
  "truss.ignore-invalid": {
    says: 'ignore pattern "{pattern}" is not valid',
    fix: "check its brackets",
    cause: "The pattern makes no valid expression, most often for an open bracket.",
  },
  "truss.ignore-backslash": {
    says: 'ignore pattern "{pattern}" ends in a backslash',
    fix: "remove it, or write the character that it escapes",
    cause: "A backslash takes the character behind it literally.",
  },
  "truss.requirements-not-toml": {
    says: "{file} is not valid TOML: {reason}",
    fix: "",
    cause: "A requirements file whose name ends in .toml is read as a pyproject.toml.",
  },
  "truss.dependencies-not-a-list": {
    says: "{file}: project.dependencies is not a list",
    fix: "write a list of requirements",
    cause: "PEP 621 has a list of requirements there.",
  },
  "truss.file-missing": {
    says: "{path}: no such file in the truss",
    fix: "{why}",
    cause: "The truss names a file, or needs one, that is not in its folder or is left out by its ignore patterns.",
  },
  "truss.not-utf8": {
    says: "{path} is not UTF-8 text",
    fix: "save it as UTF-8",
    cause: "Signatures hold the file's text, so it has to be UTF-8.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(trussRefusals);

export const refusal = refusalsOfTable(trussRefusals);
