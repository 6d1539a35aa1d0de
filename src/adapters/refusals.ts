import type { RefusalTable } from "../domain/refusals/entry.ts";
import { errorsOfTable, refusalsOfTable } from "../domain/refusals/refusal.ts";

/** What is refused by or about other systems: MLflow, buckets, the API service, models that requests are sent to. */
export const adaptersRefusals = {
  "api.unanswered": {
    says: "the API service at {url} does not answer: {why}",
    fix: "",
    cause: "Nothing listens at the address, or the service is too busy or cut off from its database.",
    exit: 1,
  },
  "api.http-error": {
    says: "the API service at {url} answers HTTP {status}",
    fix: "",
    cause: "What answers is not the API service, such as a proxy before it, or the service has a fault of its own.",
    exit: 1,
  },
  "api.refused": {
    says: "{message}",
    fix: "",
    cause: "The API service refused what it was asked; the words are its own.",
    exit: 1,
  },
  "model.head-not-running": {
    says: "{model}: the container does not run the last save, {headHash}: {reason}",
    fix: "see `menagerie logs {model}`",
    cause: "The container refused the patch, did not come up again after it, or is still being started.",
    exit: 1,
  },
  "state.files-unreadable": {
    says: '"{folder}" {reason}',
    fix: "give the folder of the SQL files, relative to the project",
    cause: "A release's tables are made by the SQL files of a folder of the project.",
  },
  "state.files-none": {
    says: '"{folder}" has no .sql file',
    fix: "put the CREATE TABLE statements into one",
    cause: "A release's tables are made by the .sql files of this folder, in the order of their names.",
  },
  "image.code-changed": {
    says: "the code of {what} changed while its image was made",
    fix: "run this again",
    cause: "An image is named by its content's hash, so the content may not change under way.",
  },
  "image.services-elsewhere": {
    says: "services.image is missing: {project} is not the checkout of Menagerie, whose services an image could be made of",
    fix: "give the image of the services as <url>@sha256:<digest>",
    cause:
      "Only the checkout's own stacks have the services' code beside them. A program that uses the package names an image that was built from it.",
  },
  "image.pipeline-elsewhere": {
    says: "images of folders are made in the checkout of Menagerie only, and {project} is not it",
    fix: "give the pipeline's image as <url>@sha256:<digest>",
    cause:
      "An image of a folder has the checkout's packages and Node.js beside it, which a program that uses the package does not have.",
  },
  "image.missing": {
    says: 'image "{reference}" is not in the image store {store}',
    fix: "`npx menagerie pulumi -- up --refresh` builds it again from its truss folder",
    cause: "Somebody removed it from the store, or the store is another environment's.",
    exit: 1,
  },
  "image.no-digest": {
    says: 'image "{reference}" has no digest, and the local image store finds images by digest only',
    fix: 'write it as "name@sha256:<64 hex>"',
    cause: "A tag may stand for another image tomorrow.",
  },
  "mlflow.not-registered": {
    says: "MLflow at {url} has no {what}",
    fix: "{change}",
    cause: "The model, version or alias is not in the registry that menagerie:mlflow.url names.",
  },
  "mlflow.unanswered": {
    says: "MLflow at {url} does not answer ({cause})",
    fix: "start it or correct menagerie:mlflow.url",
    cause: "Versions are read from the registry in every preview.",
    exit: 1,
  },
  "mlflow.credentials": {
    says: "MLflow at {url} refuses these credentials",
    fix: "set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    cause: "Credentials are read from the environment alone, so that none stand in a stack file.",
    exit: 1,
  },
  "mlflow.failed": {
    says: "MLflow at {url} answered HTTP {status} for {what}: {message}",
    fix: "",
    cause: "The registry answered with an error of its own.",
    exit: 1,
  },
  "replay.unanswered": {
    says: "{url} does not answer ({reason})",
    fix: "`menagerie status` says what runs",
    cause: "Nothing listens at the address: the environment is down, or the gateway has another port.",
    exit: 1,
  },
  "sample.unreadable": {
    says: "{file} cannot be read: {reason}",
    fix: "name an existing file that you may read",
    cause: "The sample, or the file with the keys that open it, could not be read.",
  },
  "sample.encrypted": {
    says: "{file} is encrypted",
    fix: "add --identity FILE with the secret key of one of its recipients",
    cause: "A sample that is not redacted leaves the environment only encrypted, by age.",
  },
  "sample.not-decrypted": {
    says: "{file} cannot be decrypted ({reason})",
    fix: "give --identity with the secret key of one of its recipients, or copy the file again",
    cause: "No key in the identity file opens it, or the file is damaged: age detects every changed byte.",
  },
  "sample.no-identity": {
    says: "--identity {file}: the file does not hold a secret key of age",
    fix: "give a file that `age-keygen -o key.txt` wrote",
    cause: "Each line of an identity file is a key that begins with AGE-SECRET-KEY-, or a comment after #.",
  },
  "sample.no-recipient": {
    says: "--recipient: {shown} is not a public key of age ({reason})",
    fix: "give one such as `age-keygen -y key.txt` prints",
    cause: "Public keys begin with age1. A secret key cannot be used here, and is not shown.",
  },
  "sample.file-there": {
    says: "{file} already exists",
    fix: "choose another name, or add --force",
    cause: "A sample that somebody relies on is not replaced by accident.",
  },
  "sample.not-written": {
    says: "{file} cannot be written: {reason}",
    fix: "name a file in an existing folder that you may write to",
    cause: "The file is written beside its place under another name first, and takes its name once it is whole.",
    exit: 1,
  },
  "sample.changed": {
    says: "{file} was changed while it was searched",
    fix: "run the command again",
    cause: "Somebody else wrote the sample at the same time.",
    exit: 1,
  },
  "sample.bucket": {
    says: 'bucket "{name}" at {endpoint} does not accept or return samples: {why}',
    fix: "{fix}",
    cause:
      "The bucket, its address or the key pair is wrong, or the bucket is away. The key pair needs the rights GetObject, PutObject, DeleteObject, ListBucket, and for former versions ListBucketVersions and DeleteObjectVersion.",
    exit: 1,
  },
  "uploads.bucket": {
    says: 'bucket "{name}" at {endpoint} does not accept or return uploads: {why}{renew}',
    fix: "",
    cause: "The bucket's endpoint, credentials or rights are not as menagerie:uploads says, or it is away.",
    exit: 1,
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(adaptersRefusals);

export const refusal = refusalsOfTable(adaptersRefusals);
