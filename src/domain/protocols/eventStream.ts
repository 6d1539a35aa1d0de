import { createParser } from "eventsource-parser";
import type { Piece, StreamEvent } from "./join.ts";

/** A byte order mark and blank lines may come first; then a field that the specification has, or a comment. */
const begin = /^\uFEFF?[\r\n]*(?::|(?:data|event|id|retry):)/;
/** Of the bytes at a body's beginning, those that are looked at. */
const lookedAt = 256;

/**
 * Whether a body is a stream of server-sent events, by its first bytes: no JSON begins as one. Its content type tells nothing, since some servers
 * send streams as `application/octet-stream`, and some name JSON `text/event-stream`.
 */
export function isEventStream(pieces: readonly Piece[]): boolean {
  const head = new Uint8Array(lookedAt);
  let length = 0;
  for (const { bytes } of pieces) {
    const part = bytes.subarray(0, lookedAt - length);
    head.set(part, length);
    length += part.length;
    if (length === lookedAt) break;
  }
  return begin.test(new TextDecoder("utf-8", { ignoreBOM: true }).decode(head.subarray(0, length)));
}

/**
 * The events of a stream in order, each with the time of the piece that completed it; comments are left out. What stands behind the last blank line
 * counts as an event too, which browsers would drop: servers end without one, and answers break off.
 */
export function readEvents(pieces: readonly Piece[], onEvent: (event: StreamEvent) => void): void {
  let at = 0;
  const parser = createParser({ onEvent: ({ event, data }) => onEvent({ event: event ?? "message", data, at }) });
  // One decoder for all pieces, since a character may be split between two.
  const decoder = new TextDecoder();
  for (const piece of pieces) {
    at = piece.at;
    parser.feed(decoder.decode(piece.bytes, { stream: true }));
  }
  parser.feed(`${decoder.decode()}\n\n`);
}
