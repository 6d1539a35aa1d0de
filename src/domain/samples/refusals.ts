import type { RefusalTable } from "../refusals/entry.ts";
import { refusalsOfTable } from "../refusals/refusal.ts";

/** What is wrong with a sample. The key of each is the file, and the line where there is one. */
export const sampleRefusals = {
  "sample.empty": {
    says: "it is empty",
    fix: "export it again",
    cause: "A sample has a first line that says what it is, and a line for each request.",
  },
  "sample.not-one": {
    says: "it is not a sample: its first line does not say that it is one",
    fix: "give a file that `menagerie sample export` wrote",
    cause: 'The first line of a sample is a JSON object with {"format": "menagerie-sample"}.',
  },
  "sample.other-version": {
    says: "it has version {version} of the format, but this program reads version {known}",
    fix: "export it again with this program, or check it with the one that wrote it",
    cause: "The format's version goes up where older programs would misread a file.",
  },
  "sample.header-wrong": {
    says: "{field}: {reason}",
    fix: "export it again; a sample is not written by hand",
    cause: "The first line lacks a field, has one too many, or one of another type.",
  },
  "sample.line-not-json": {
    says: "it is not JSON",
    fix: "export it again",
    cause: "Each line after the first is one request, a JSON object in which no key stands twice.",
  },
  "sample.line-wrong": {
    says: "{field}: {reason}",
    fix: "export it again; a sample is not written by hand",
    cause: "The line lacks a field, has one too many, or one of another type.",
  },
  "sample.line-too-long": {
    says: "it has more than {longest} bytes",
    fix: "export it again",
    cause: "No sample is that large, so something else wrote the line.",
  },
  "sample.line-again": {
    says: "it repeats the request of line {first}",
    fix: "export it again",
    cause: "A request counts once: its id, attempt and day stand in one line.",
  },
  "sample.cut-off": {
    says: "it breaks off in the middle",
    fix: "copy or export it again",
    cause: "Every line ends with a line feed, the last one too.",
  },
  "sample.count": {
    says: "it has {found} requests, and its first line says {count}",
    fix: "copy or export it again",
    cause: "Lines are missing, or were added.",
  },
  "sample.digest": {
    says: "its requests were changed after the export: their SHA-256 does not match the first line",
    fix: "copy or export it again",
    cause: "Somebody edited a line, or a copy of the file was damaged.",
  },
  "sample.expired": {
    says: "it expired on {expiresAt}",
    fix: "delete it, and export a new one",
    cause: "Copies of what users sent must not be kept for ever, so each sample has a date until which it may be used.",
  },
  "sample.times": {
    says: "{field} is not after {before}",
    fix: "export it again; a sample is not written by hand",
    cause: "A range ends after it begins, and a sample expires after it was made.",
  },
  "sample.holds-keys": {
    says: "{count} values look like keys or passwords, at {places}",
    fix: "redact these places by menagerie:zoo.<model>.recording.redact, or delete the requests by `menagerie recording forget`, and export again",
    cause:
      "Whoever has the sample would have the keys. Texts that look like those of well-known issuers count, and values whose name says that they are one.",
  },
  "sample.holds-addresses": {
    says: "{count} texts hold addresses of people, at {places}",
    fix: "redact them by {kind: email}, or export with --unredacted and --recipient",
    cause: "Whoever gets a plain sample can read it, so it must not hold anybody's address.",
  },
} as const satisfies RefusalTable;

export const sampleRefusal = refusalsOfTable(sampleRefusals);
