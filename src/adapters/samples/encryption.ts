import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { Decrypter, Encrypter } from "age-encryption";
import { messageOf, OperatorError } from "../../domain/errors.ts";
import { refuse } from "../refusals.ts";
import type { SamplePlace } from "./place.ts";

/** How a file begins that is encrypted (https://age-encryption.org/v1). */
const beginning = "age-encryption.org/v1\n";

/** What encrypts for all of `recipients`, such as `age1…`. @throws OperatorError for one that is none. */
export function encrypterFor(recipients: readonly string[]): (plain: Uint8Array) => Promise<Uint8Array> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (error) {
      // Somebody may have taken the secret half.
      const shown = /^age1/i.test(recipient) ? recipient : "the value";
      throw refuse("sample.no-recipient", { shown, reason: messageOf(error) }, error);
    }
  }
  return (plain) => encrypter.encrypt(plain);
}

/** Secret keys of an identity file, as `age-keygen` writes it. @throws OperatorError for a file without one. */
export async function readIdentities(file: string): Promise<readonly string[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw refuse("sample.unreadable", { file, reason: messageOf(error) }, error);
  });
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const identities = lines.filter((line) => line !== "" && !line.startsWith("#"));
  const decrypter = new Decrypter();
  try {
    if (identities.length === 0) throw new Error("it has no line with a key");
    for (const identity of identities) decrypter.addIdentity(identity);
  } catch (error) {
    // Never the library's own words, which may hold the line.
    throw refuse("sample.no-identity", { file }, error);
  }
  return identities;
}

/** A sample's bytes as they can be read, and whether they are encrypted where they are kept. */
export interface OpenedBytes {
  readonly isEncrypted: boolean;
  readonly plain: AsyncGenerator<Uint8Array>;
}

/**
 * Opens a sample, which is decrypted where it is encrypted.
 *
 * @param identities - secret keys, one of which opens it
 */
export async function openBytes(place: SamplePlace, identities: readonly string[]): Promise<OpenedBytes> {
  const source = place.read();
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < beginning.length) {
    const { value, done } = await source.next();
    if (done) break;
    first.push(value);
    length += value.length;
  }
  const bytes = all(Buffer.concat(first), source);
  const isEncrypted = Buffer.concat(first).subarray(0, beginning.length).toString("latin1") === beginning;
  return { isEncrypted, plain: isEncrypted ? decrypted(place.name, bytes, identities) : bytes };
}

async function* all(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  yield* rest;
}

async function* decrypted(
  file: string,
  bytes: AsyncIterable<Uint8Array>,
  identities: readonly string[],
): AsyncGenerator<Uint8Array> {
  if (identities.length === 0) throw refuse("sample.encrypted", { file });
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  const source = Readable.from(bytes, { objectMode: false });
  try {
    const plain = await decrypter.decrypt(Readable.toWeb(source) as ReadableStream<Uint8Array>);
    yield* Readable.fromWeb(plain as unknown as NodeReadableStream<Uint8Array>) as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw refuse("sample.not-decrypted", { file, reason: messageOf(error) }, error);
  } finally {
    source.destroy();
  }
}
