/**
 * The thread between capture and log: it gets predictions as frames of the log, and gives them back with pseudonyms in place of what the rules
 * name, and without their bodies where those are not stored. Predictions that it has not finished are in its memory alone, and so is the key.
 */
import { createHmac } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { ByteWriter } from "../../adapters/byteWriter.ts";
import { readFrame, writePrediction } from "../../adapters/predictionLog/frame.ts";
import { longestFrame } from "../../adapters/predictionLog/read.ts";
import { type Redacted, redactedHead, redactPrediction } from "../../adapters/predictions/redactPrediction.ts";
import { withoutBodies } from "../../adapters/predictions/withoutBodies.ts";
import type { RecordedPrediction } from "../../domain/recording/prediction.ts";
import { Pseudonyms } from "../../domain/redaction/pseudonyms.ts";
import { Redactor } from "../../domain/redaction/redactor.ts";
import type { FramesToRedact, RedactedFrames, RedactingInput } from "./redacting.ts";

const { rules, key, keepsBodies } = workerData as RedactingInput;
const redactor = new Redactor(rules, new Pseudonyms((text) => createHmac("sha256", key).update(text).digest()));

// It gets the next frames once these are sent back.
parentPort?.on("message", async ({ frames }: FramesToRedact) => {
  const redacted = await redactFrames(Buffer.from(frames.buffer, frames.byteOffset, frames.byteLength));
  parentPort?.postMessage(redacted, [redacted.frames.buffer as ArrayBuffer]);
});

async function storable(prediction: RecordedPrediction): Promise<Redacted> {
  if (keepsBodies) return redactPrediction(prediction, redactor);
  const bodiless = await withoutBodies(prediction);
  return {
    prediction: rules.length > 0 ? redactedHead(bodiless, redactor) : bodiless,
    unredactable: false,
  };
}

async function redactFrames(frames: Buffer): Promise<RedactedFrames> {
  const to = new ByteWriter(frames.length + 4096);
  let [predictions, unredactable, failed] = [0, 0, 0];
  for (let at = 0; at < frames.length; ) {
    const read = readFrame(frames, at, longestFrame);
    if (!("frame" in read)) throw new Error("what was handed over to be redacted is not a frame of a log");
    at += read.bytes;
    if (read.frame.kind !== "prediction") continue;
    const before = to.length;
    try {
      const redacted = await storable(read.frame);
      const { request, response } = redacted.prediction;
      writePrediction(to, {
        ...redacted.prediction,
        request: { ...request, chunks: [request.content] },
        response: { ...response, chunks: [response.content] },
      });
      predictions += 1;
      if (redacted.unredactable) unredactable += 1;
    } catch {
      // Its message may hold what was to be redacted.
      to.truncate(before);
      failed += 1;
    }
  }
  return { frames: to.bytes(), predictions, unredactable, failed };
}
