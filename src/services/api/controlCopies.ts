import type { IncomingMessage } from "node:http";
import { finished } from "node:stream/promises";
import type { Dispatcher } from "undici";
import type { Control } from "../../adapters/postgres/models.ts";
import { againPrefix } from "../../adapters/postgres/predictions/recordedPairs.ts";
import { versionedName } from "../../domain/zoo/plan.ts";
import { hasBody } from "../forwarding/requestBody.ts";
import { upgradeOf } from "../forwarding/upgrade.ts";
import { Capture, type CaptureBudget } from "../recorder/capture.ts";
import type { Waking } from "./sleep/waking.ts";
import type { VersionLoad } from "./traffic/versionLoad.ts";

/** How a copy ended. A copy is dropped while too many are under way, or when its body does not fit into the memory for copies. */
export const copyEnds = ["answered", "failed", "dropped"] as const;
export type CopyEnd = (typeof copyEnds)[number];

export interface CopyParts {
  readonly dispatcher: Dispatcher;
  readonly originOf: (version: Control["version"]) => string;
  /** Wakes versions that sleep, as the gateway's copies do. @default none does */
  readonly waking?: Waking | undefined;
  readonly load: VersionLoad;
  /** Memory for the bodies of all copies. */
  readonly budget: CaptureBudget;
  /** Copies that are under way at once. @default 64 */
  readonly most?: number | undefined;
  /** Until a version begins to answer, and between two pieces of the answer, in milliseconds. */
  readonly timeoutMs: number;
  readonly onEnd: (end: CopyEnd) => void;
  /** From 0 to 1. @default Math.random */
  readonly random?: (() => number) | undefined;
}

/** What a request is sent with. */
export interface SentHead {
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
}

/** The copy of one request. */
export interface ControlCopy {
  readonly add: (chunk: Buffer) => void;
  /** Called once the request goes to its model: the copy follows as soon as its body is whole. It holds up nothing, and never throws. */
  readonly send: (head: SentHead) => void;
  /** The request is over: a body that is not whole by now never will be. */
  readonly end: () => void;
}

/**
 * Copies a share of the requests that this service sends to a rollout's new version to the old one, as a gateway does with those to the model itself, so
 * that a judge compares both answers to one request. Nobody gets the old version's. The copy of an upgraded connection, and of what a comparison sends
 * again, would be nobody's pair.
 */
export function controlCopies(parts: CopyParts) {
  const { most = 64, random = Math.random } = parts;
  let underWay = 0;

  return (request: IncomingMessage, control: Control): ControlCopy | undefined => {
    const isAgain = String(request.headers["x-request-id"] ?? "").startsWith(againPrefix);
    if (isAgain || upgradeOf(request) || random() * 100 >= control.percent) return undefined;
    const capture = new Capture(parts.budget);
    let isSent = false;
    const begin = (head: SentHead): void => {
      isSent = true;
      const { chunks, truncated } = capture.body(true);
      if (truncated || underWay >= most) {
        capture.release();
        parts.onEnd("dropped");
        return;
      }
      underWay += 1;
      deliver(parts, control.version, request.method, head, chunks.length > 0 ? Buffer.concat(chunks) : null)
        .then(
          () => parts.onEnd("answered"),
          () => parts.onEnd("failed"),
        )
        .finally(() => {
          underWay -= 1;
          capture.release();
        });
    };
    return {
      add: (chunk) => capture.add(chunk),
      send(head) {
        if (!hasBody(request) || request.readableEnded) begin(head);
        else request.once("end", () => begin(head));
      },
      end() {
        if (!isSent) capture.release();
      },
    };
  };
}

async function deliver(
  { dispatcher, originOf, waking, load, timeoutMs }: CopyParts,
  version: Control["version"],
  method: string | undefined,
  { path, headers }: SentHead,
  body: Buffer | null,
): Promise<void> {
  const { model, number, service = versionedName(model, number) } = version;
  const send = async (open: () => Promise<void> = async () => {}): Promise<void> => {
    await open();
    const answer = await dispatcher.request({
      origin: originOf(version),
      method: method as Dispatcher.HttpMethod,
      path,
      headers: [...headers],
      body,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    // A version whose answer is not read to its end has not answered.
    await finished(answer.body.resume());
  };
  await load.during(service, () => waking?.during(service, undefined, send, { isCopy: true }) ?? send());
}
