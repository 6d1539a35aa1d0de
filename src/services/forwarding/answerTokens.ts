import { readAnswer } from "../../adapters/predictions/readAnswer.ts";
import type { TokenUsage } from "../../domain/protocols/join.ts";
import type { Operation } from "../../domain/protocols/operation.ts";
import { Capture, type CaptureBudget } from "../recorder/capture.ts";
import type { ExchangeObserver } from "./exchange.ts";

/** Reads the tokens that an answer tells of, while it passes. */
export class AnswerTokens implements ExchangeObserver {
  readonly #operation: Operation;
  readonly #body: Capture;
  #encoding: string | null = null;

  /** @param budget - memory for answers on their way: of one that is longer nobody knows the tokens */
  constructor(operation: Operation, budget: CaptureBudget) {
    this.#operation = operation;
    this.#body = new Capture(budget);
  }

  readonly onRequestData = (): void => {};

  readonly onResponseEncoding = (encoding: string): void => {
    this.#encoding = encoding;
  };

  readonly onResponseData = (chunk: Buffer): void => this.#body.add(chunk);

  /**
   * What the answer told of, undefined for nothing. Called once, when nothing more comes.
   *
   * @param isWhole - whether the answer came to its end
   */
  async read(isWhole: boolean): Promise<TokenUsage | undefined> {
    const { chunks, bytes, truncated } = this.#body.body(isWhole);
    const content = Buffer.concat(chunks);
    this.#body.release();
    const { facts } = await readAnswer({
      operation: this.#operation.name,
      response: { content, bytes, truncated },
      responseEncoding: this.#encoding,
      arrivals: null,
      facts: null,
      failure: null,
      latencyMs: 0,
    });
    return facts.tokens ?? undefined;
  }
}
