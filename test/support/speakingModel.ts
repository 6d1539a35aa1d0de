import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** A model's server that says the same words to everybody, as OpenAI's and Anthropic's APIs have them. */
export interface SpeakingModel {
  /** Such as `http://127.0.0.1:1234`. */
  readonly origin: string;
  /** Path, headers and body of each request, in order. */
  readonly seen: {
    readonly url: string;
    readonly headers: IncomingMessage["headers"];
    readonly body: { readonly [key: string]: unknown };
  }[];
  /** Streams that a client left before their end. */
  readonly abandoned: () => number;
  stop(): Promise<void>;
}

const words = ["To", " be", ",", " or", " not", " to", " be"];
export const speech = words.join("");
const usage = { prompt_tokens: 3, completion_tokens: words.length, total_tokens: 3 + words.length };
const base = { id: "chatcmpl-1", created: 1, model: "speaker" };

/** @param pauseMs - between two pieces of a stream */
export async function startSpeakingModel({ pauseMs = 30 } = {}): Promise<SpeakingModel> {
  const seen: SpeakingModel["seen"] = [];
  let abandoned = 0;

  const stream = async (response: ServerResponse, events: readonly string[]): Promise<void> => {
    // As a truss sends what a generator yields.
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    for (const event of events) {
      await delay(pauseMs);
      if (response.destroyed) {
        abandoned += 1;
        return;
      }
      response.write(event);
    }
    response.end();
  };
  const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
  const named = (value: { type: string }) => `event: ${value.type}\n${data(value)}`;

  const server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const body = (text === "" ? {} : JSON.parse(text)) as { readonly [key: string]: unknown };
    const { url = "", headers } = request;
    seen.push({ url, headers, body });
    const json = (status: number, value: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (body.model === "refused") {
      json(400, {
        error: { message: "no such words", type: "invalid_request_error", code: "bad_words", param: "model" },
      });
      return;
    }
    const rounds = body.model === "endless" ? 10_000 : 1;
    const spoken = Array.from({ length: rounds }, () => words).flat();
    switch (url.split("?", 1)[0]?.replace(/^\/openai/, "")) {
      case "/v1/chat/completions": {
        const chunk = (delta: object, finish: string | null = null) =>
          data({ ...base, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: finish }] });
        if (!body.stream) {
          const message = { role: "assistant", content: speech };
          const choices = [{ index: 0, message, finish_reason: "stop", logprobs: null }];
          json(200, { ...base, object: "chat.completion", choices, usage });
          return;
        }
        return stream(response, [
          chunk({ role: "assistant" }),
          ...spoken.map((content) => chunk({ content })),
          chunk({}, "stop"),
          data({ ...base, object: "chat.completion.chunk", choices: [], usage }),
          "data: [DONE]\n\n",
        ]);
      }
      case "/v1/completions":
        json(200, { ...base, object: "text_completion", choices: [{ index: 0, text: speech, finish_reason: "stop" }] });
        return;
      case "/v1/embeddings": {
        const floats = new Float32Array([0.5, -1]);
        const embedding =
          body.encoding_format === "base64" ? Buffer.from(floats.buffer).toString("base64") : [...floats];
        json(200, { object: "list", model: "speaker", data: [{ object: "embedding", index: 0, embedding }], usage });
        return;
      }
      case "/v1/responses": {
        const output = [
          {
            id: "m",
            type: "message",
            role: "assistant",
            content: [{ type: "output_text", text: speech, annotations: [] }],
          },
        ];
        const whole = { id: "r", object: "response", created_at: 1, status: "completed", model: "speaker", output };
        if (!body.stream) {
          json(200, whole);
          return;
        }
        return stream(response, [
          named({ type: "response.created", response: { ...whole, status: "in_progress", output: [] } } as {
            type: string;
          }),
          ...words.map((delta) => named({ type: "response.output_text.delta", delta } as { type: string })),
          named({ type: "response.completed", response: whole } as { type: string }),
        ]);
      }
      case "/v1/messages": {
        const message = { id: "msg", type: "message", role: "assistant", model: "speaker", content: [] as object[] };
        const told = { input_tokens: 3, output_tokens: words.length };
        if (!body.stream) {
          json(200, { ...message, content: [{ type: "text", text: speech }], stop_reason: "end_turn", usage: told });
          return;
        }
        const events: { type: string; [key: string]: unknown }[] = [
          { type: "message_start", message: { ...message, usage: { input_tokens: 3, output_tokens: 0 } } },
          { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
          ...words.map((word) => ({
            type: "content_block_delta",
            index: 0,
            delta: { type: "text_delta", text: word },
          })),
          { type: "content_block_stop", index: 0 },
          { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: told },
          { type: "message_stop" },
        ];
        return stream(response, events.map(named));
      }
      default:
        json(404, { error: { message: `nothing at ${url}`, type: "not_found_error", code: null, param: null } });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    abandoned: () => abandoned,
    async stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
