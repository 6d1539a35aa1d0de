import type { RefusalTable } from "../refusals/entry.ts";
import { errorsOfTable } from "../refusals/refusal.ts";

/** What is refused of the archive of a pushed truss. */
export const uploadRefusals = {
  "archive.too-large": {
    says: "the archive has {count} bytes",
    fix: "at most {size} are accepted",
    cause: "An upload is read into memory by the API service.",
  },
  "archive.cut-off": {
    says: "the archive is cut off",
    fix: "push again",
    cause: "The upload ended early, or the file is not a tar archive.",
  },
  "archive.name-too-long": {
    says: "the archive holds a name of more than a megabyte",
    fix: "",
    cause: "A name of this length is in no truss, so the archive is wrong.",
  },
  "archive.too-many-files": {
    says: "the archive holds more than {files} files",
    fix: "leave out what the model does not need by .truss_ignore",
    cause: "A folder of this many files is most often data or an environment that was not left out.",
  },
  "archive.link": {
    says: "the archive's {name} is not a file or folder",
    fix: "replace links and devices by files",
    cause: "Links and devices may lead outside of the truss.",
  },
  "archive.twice": {
    says: "the archive has {path} twice",
    fix: "push again",
    cause: "Which of the two counts would depend on who unpacks it.",
  },
  "archive.file-and-folder": {
    says: "the archive has {folder} as a file and as a folder",
    fix: "push again",
    cause: "The archive was not made from one folder.",
  },
  "archive.path": {
    says: "the archive's {path}: its path {issue}",
    fix: "it must lie inside the truss",
    cause: "What is unpacked has to stay inside its own folder.",
  },
  "archive.not-a-tar": {
    says: "the archive is not a tar, its header at byte {at} is wrong",
    fix: "push again",
    cause: "A tar archive has a header with a checksum before every file.",
  },
  "archive.not-octal": {
    says: "the archive holds a number that is not octal",
    fix: "push again",
    cause: "Sizes in a tar's headers are octal.",
  },
  "archive.pax": {
    says: "the archive holds a broken pax header",
    fix: "push again",
    cause: "Long names and large sizes are in pax headers, which have a form of their own.",
  },
  "archive.name-not-utf8": {
    says: "the archive holds a name that is not UTF-8",
    fix: "rename the file",
    cause: "Paths of a truss are UTF-8, as its hash has them.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(uploadRefusals);
