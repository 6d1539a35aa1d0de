import { createCipheriv, pbkdf2Sync, randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { decryptedValue } from "../../../src/config/decryption.ts";

/** As the engine encrypts: `v1:<nonce>:<text and tag>`, both in base64. */
function sealed(key: Buffer, text: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const bytes = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `v1:${nonce.toString("base64")}:${bytes.toString("base64")}`;
}

const salt = randomBytes(8);
const key = pbkdf2Sync("passphrase", salt, 1_000_000, 32, "sha256");
const stack = { salt: `v1:${salt.toString("base64")}:${sealed(key, "pulumi")}`, passphrase: "passphrase" };

it("opens what the stack's passphrase encrypted, and nothing else", async () => {
  const url = "postgresql://migrator:é@db/application";
  expect(await decryptedValue({ secure: sealed(key, url) }, stack)).toBe(url);
  expect(await decryptedValue({ secure: sealed(randomBytes(32), url) }, stack)).toBeUndefined();
  expect(await decryptedValue({ secure: sealed(key, url) }, { ...stack, passphrase: "other" })).toBeUndefined();
  expect(await decryptedValue(undefined, stack)).toBeUndefined();
});
