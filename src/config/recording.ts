import { flag, mapping, number, wholeNumber } from "./fields.ts";
import { redact } from "./redact.ts";

/** `recording` of a zoo model. */
export const recording = mapping(
  {
    sample: number(
      0.01,
      100,
      "Share of the requests that are stored. All are answered, and which ones are stored follows from their ids, so that copies and repeats of a request agree. Unit: percent. Default: 100.",
    ).default(100),
    bodies: flag(
      "Whether the bodies of requests and answers are stored. Sizes, statuses, times and tokens always are. Default: true.",
    ).default(true),
    redact: redact.default([]),
    retentionDays: wholeNumber(
      1,
      3650,
      "Days that predictions are kept, before today's. Unit: days. Default: 30.",
    ).default(30),
    paused: flag(
      "Whether nothing is recorded for now: requests go straight to the model, and what was recorded is kept. Removing the key `recording` deletes it. Default: false.",
    ).default(false),
  },
  "write {retentionDays: 30}, or {} for the defaults",
  "Records every request to the model's versions and its answer, for `menagerie compare`, `replay` and `sample`. Default: nothing is recorded.",
);
