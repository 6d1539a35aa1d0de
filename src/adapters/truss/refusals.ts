import type { RefusalTable } from "../../domain/refusals/entry.ts";
import { errorsOfTable } from "../../domain/refusals/refusal.ts";

/** What is refused while a truss is read, and built into a directory image. */
export const trussFilesRefusals = {
  "truss.library-refuses": {
    says: 'truss "{name}": the truss library refuses it: {reason}',
    fix: "",
    cause: "The truss library makes the build context, and refuses this truss in these words.",
    exit: 1,
  },
  "truss.no-model-folder": {
    says: 'truss "{folder}": model_module_dir: there is no folder "{model}" in the truss',
    fix: "give the folder that holds model.py",
    cause: "The server loads the model from this folder.",
  },
  "truss.changed-while-built": {
    says: 'truss "{folder}" changed while it was built (hash {found} instead of {hash})',
    fix: "run this again",
    cause: "An image is named by its content's hash, so the content may not change under way.",
  },
  "truss.external-data": {
    says: 'truss "{name}": external_data: {url}: {reason}',
    fix: "",
    cause: "The file at this address could not be downloaded.",
    exit: 1,
  },
  "truss.file-changed": {
    says: "{full} changed while it was read",
    fix: "run this again",
    cause: "A file is read twice, for its hash and for its content, and both have to be the same.",
  },
  "python.named-wrong": {
    says: 'MENAGERIE_PYTHON is "{asked}", which {is}',
    fix: "name a Python 3.10 to 3.13",
    cause: "The truss server runs on these versions.",
    exit: 1,
  },
  "python.none": {
    says: "there is no Python 3.10 to 3.13 on PATH",
    fix: "install one (Debian and Ubuntu: apt-get install python3 python3-venv), or name one in MENAGERIE_PYTHON",
    cause: "Directory images are virtual environments of this machine's Python.",
    exit: 1,
  },
  "packages.disk-full": {
    says: "{what}: the disk is full",
    fix: "free some space and run this again",
    cause: "Packages are downloaded to a cache and laid out in the image.",
    exit: 1,
  },
  "packages.index-unreachable": {
    says: "{what}: the package index cannot be reached ({line})",
    fix: "check the network and pip's index-url, then run this again",
    cause: "The package index, or the proxy before it, does not answer.",
    exit: 1,
  },
  "packages.no-wheel": {
    says: "{what}: {package} has no wheel, and is not built here",
    fix: "name a version that has a wheel for this machine's Python",
    cause:
      "Building a package runs its own code, and a proof runs code of the models that it asks in their sandboxes alone.",
    exit: 1,
  },
  "packages.not-installable": {
    says: "{what} cannot be installed: {line}",
    fix: "",
    cause: "The installer refuses the requirements; the words are its own.",
    exit: 1,
  },
  "python.no-pip": {
    says: "{executable} has neither pip nor venv",
    fix: "install them (Debian and Ubuntu: apt-get install python3-venv)",
    cause: "Debian and Ubuntu split both off from Python.",
    exit: 1,
  },
  "truss.local-requirement": {
    says: 'truss "{name}": requirement "{line}" is a file or folder',
    fix: "name a package, or put code into packages/",
    cause: "Layers of requirements are shared between trusses, so they hold nothing of one folder.",
  },
  "truss.unsafe-requirement": {
    says: 'truss "{name}": requirement "{line}" would run code of its package here, or read variables of this process',
    fix: "name a release of the package that has a wheel",
    cause: "A proof runs code of the models that it asks in their sandboxes alone.",
    exit: 1,
  },
  "truss.folder-missing": {
    says: 'truss "{folder}" is not there',
    fix: "give the folder that holds config.yaml",
    cause: "The path is taken from the project's folder.",
  },
  "truss.file-unreadable": {
    says: "{full} may not be read",
    fix: "change its permissions, or leave it out in {ignoreFilename}",
    cause: "Every file of the folder belongs to the truss's hash.",
  },
  "truss.name-not-utf8": {
    says: 'truss "{folder}": the file name {name} is not UTF-8',
    fix: "rename it",
    cause: "Paths of a truss are UTF-8, as its hash has them.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(trussFilesRefusals);
