import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

const iterations = 4096;

/**
 * What PostgreSQL stores of a password (RFC 5803: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`). Given
 * that instead of the password, the server never sees it, nor do its logs. Passwords of ASCII only, which SASLprep leaves
 * as they are.
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const hmac = (text: string): Buffer => createHmac("sha256", salted).update(text).digest();
  const storedKey = createHash("sha256").update(hmac("Client Key")).digest("base64");
  const serverKey = hmac("Server Key").toString("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}

/**
 * A verifier that the same password has every time, for what is declared: nothing changes while the password does not.
 *
 * @param owner - whose password it is, so that two owners of one password do not show it
 */
export function steadyScramVerifier(owner: string, password: string): string {
  return scramVerifier(password, createHash("sha256").update(`${owner}\n${password}`).digest().subarray(0, 16));
}
