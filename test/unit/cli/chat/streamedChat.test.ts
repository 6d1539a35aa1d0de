import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { type ChatMessage, type ChatSettings, streamedChat } from "../../../../src/cli/chat/streamedChat.ts";

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A model that answers as `answer` does; gives what was asked of it, and the pieces that were heard. */
async function heard(answer: (response: ServerResponse) => void, settings: ChatSettings = {}) {
  let asked: unknown;
  const listening = createServer(async (request: IncomingMessage, response) => {
    asked = await json(request);
    answer(response);
  }).listen(0, "127.0.0.1");
  server = listening;
  await new Promise((resolve) => listening.once("listening", resolve));
  const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}/v1/chat/completions`;
  const pieces: string[] = [];
  const messages: ChatMessage[] = [{ role: "user", content: "hi" }];
  const text = await streamedChat({ name: "speaker", url, headers: {} }, messages, settings, (piece) =>
    pieces.push(piece),
  ).catch((error: Error) => error);
  return { asked, pieces, text };
}

const event = (data: unknown) => `data: ${JSON.stringify(data)}\n\n`;
const said = (delta: object) => event({ choices: [{ index: 0, delta }] });

test("an answer is heard piece by piece, whatever its content type, with a character split between two of the network's pieces", async () => {
  const { asked, pieces, text } = await heard(
    (response) => {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      const bytes = Buffer.from(
        [said({ role: "assistant", content: "" }), said({ content: "Grüße" }), said({ content: "!" })].join(""),
      );
      const middle = bytes.indexOf("ü") + 1;
      response.write(bytes.subarray(0, middle));
      setTimeout(() => response.end(`${bytes.subarray(middle).toString("latin1")}data: [DONE]\n\n`, "latin1"), 20);
    },
    { temperature: 0.5, seed: 3 },
  );
  expect(text).toBe("Grüße!");
  expect(pieces).toEqual(["Grüße", "!"]);
  const messages = [{ role: "user", content: "hi" }];
  expect(asked).toEqual({ model: "speaker", messages, temperature: 0.5, seed: 3, stream: true });
});

test("a refusal is heard, and an answer that does not come in a stream", async () => {
  const refused = await heard((response) => response.end(said({ refusal: "No." })));
  expect(refused.text).toBe("No.");
  const whole = await heard((response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ choices: [{ message: { content: "Hello." } }] }));
  });
  expect(whole).toMatchObject({ text: "Hello.", pieces: ["Hello."], asked: { stream: true } });
});

test("what goes wrong is one sentence, behind the words that came before", async () => {
  const failed = await heard((response) =>
    response.end(said({ content: "Hel" }) + event({ error: { message: "no memory" } })),
  );
  expect(failed.pieces).toEqual(["Hel"]);
  expect(String(failed.text)).toContain("speaker failed in the middle of its answer: no memory");
  const broken = await heard((response) => {
    response.write(said({ content: "Hel" }));
    setTimeout(() => response.destroy(), 20);
  });
  expect(broken.pieces).toEqual(["Hel"]);
  expect(String(broken.text)).toContain("speaker's answer broke off: ");
  const refused = await heard((response) => {
    response.writeHead(400);
    response.end(JSON.stringify({ error: { message: "temperature: 3 is not between 0 and 2" } }));
  });
  expect(String(refused.text)).toContain("speaker answered HTTP 400: temperature: 3 is not between 0 and 2");
  const other = await heard((response) => response.writeHead(404).end("not found"));
  expect(String(other.text)).toContain("speaker answered HTTP 404: not found");
});
