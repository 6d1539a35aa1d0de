import type { RefusalTable } from "../domain/refusals/entry.ts";
import { errorsOfTable } from "../domain/refusals/refusal.ts";

/** What the platform's services and build steps refuse. */
export const serviceRefusals = {
  "push.upload-gone": {
    says: "the upload is gone",
    fix: "push again",
    cause: "Uploads that nobody deploys are removed after a while.",
  },
  "push.other-upload": {
    says: "the upload is not the one that was pushed",
    fix: "push again",
    cause: "Another upload took the place of this one.",
  },
  "push.pod-not-started": {
    says: "its pod has not started within {seconds} s",
    fix: "see `menagerie logs`",
    cause: "Most often the cluster has no room for the pod, or cannot pull its image.",
  },
  "api.settings": {
    says: "the API service cannot start: {wrong}",
    fix: "",
    cause: "The service's Deployment sets these variables; an image of another version may want others.",
  },
  "guard.settings": {
    says: "the guard cannot start: {wrong}",
    fix: "",
    cause: "The service's Deployment sets these variables; an image of another version may want others.",
  },
  "console.settings": {
    says: "the console cannot start: {wrong}",
    fix: "",
    cause: "The service's Deployment sets these variables; an image of another version may want others.",
  },
  "recorder.settings": {
    says: "the recorder cannot start: {wrong}",
    fix: "",
    cause: "The transformer's container sets these; an image of another version may want others.",
  },
  "recorder.predictor-host": {
    says: "the recorder cannot start: neither --predictor_host nor PREDICTOR_HOST is HOST or HOST:PORT",
    fix: "",
    cause: "KServe names the predictor to every transformer.",
  },
  "context.other-content": {
    says: "the context's archive has SHA-256 {found} instead of {wanted}",
    fix: "build again",
    cause: "The context came in pieces, and one of them is missing or another.",
  },
  "context.variable-missing": {
    says: "{name} is not set",
    fix: "run the step by the Pipeline's Task, which sets it",
    cause: "The step runs with variables that the Pipeline's Task gives it.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(serviceRefusals);
