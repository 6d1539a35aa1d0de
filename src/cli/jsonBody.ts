import { readFile } from "node:fs/promises";
import { messageOf } from "../domain/errors.ts";
import { refuse } from "./refusals.ts";

const timeoutMs = 60_000;

/** The body that `--data` gives: JSON, or `@FILE` with JSON in it. */
export async function readBody(data: string): Promise<string> {
  const text = data.startsWith("@") ? await readDataFile(data.slice(1)) : data;
  try {
    JSON.parse(text);
  } catch (error) {
    throw refuse("data.not-json", { reason: messageOf(error) });
  }
  return text;
}

function readDataFile(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => {
    throw refuse("data.file-unreadable", { path, reason: messageOf(error) });
  });
}

/** Headers with the key of the environment variable MENAGERIE_API_KEY; none where it is not set. */
export function ambientKey(): Readonly<Record<string, string>> {
  const key = process.env.MENAGERIE_API_KEY;
  return key ? { "x-api-key": key } : {};
}

/** Posts a prediction and answers the body. `name` is what is asked, for sentences. */
export async function postPrediction(
  name: string,
  url: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
      // A redirect would take the key elsewhere.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
    throw refuse("call.unanswered", { url, cause });
  }
  const text = await response.text();
  if (!response.ok) throw refuse("call.failed", { name, status: response.status, text: text.trim() });
  return text;
}
