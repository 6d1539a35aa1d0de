import type { Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

/** A stream whose pieces are sent one by one, each 15 ms after its client has those before: on no machine do two of them become one. */
export class SteppedStream {
  #heard = "";
  #more = Promise.withResolvers<void>();

  /** Sends at the model. @param flush - what makes a coder pass on what it has */
  async send(to: Writable, pieces: readonly string[], flush = () => {}): Promise<void> {
    let length = 0;
    for (const piece of pieces) {
      to.write(piece);
      flush();
      length += piece.length;
      while (this.#heard.length < length) await this.#more.promise;
      await delay(15);
    }
    to.end();
  }

  /** Reads at the client, and answers the whole text. Throws where the stream breaks. */
  async read(response: Response): Promise<string> {
    const decoder = new TextDecoder();
    for await (const part of response.body ?? []) {
      this.#heard += decoder.decode(part as Uint8Array, { stream: true });
      this.#more.resolve();
      this.#more = Promise.withResolvers();
    }
    return this.#heard;
  }
}
