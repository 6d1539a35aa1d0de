import { randomBytes } from "node:crypto";
import type { Handler } from "../providers/handler.ts";

export interface SecretValueInputs {
  /** Random bytes in it, from 16 to 64. */
  readonly bytes: number;
}

export interface SecretValueOutputs extends SecretValueInputs {
  /** The bytes as base64url, which needs no quoting in urls, YAML or SQL. */
  readonly value: string;
}

/** A password that is made once and known to the state alone, where it is encrypted. */
export const secretValue: Handler<SecretValueInputs, SecretValueOutputs> = {
  inputs: { bytes: "replace" },
  check: async ({ bytes }) =>
    Number.isInteger(bytes) && bytes >= 16 && bytes <= 64
      ? []
      : [{ property: "bytes", reason: `${bytes} is not from 16 to 64` }],
  async create(inputs) {
    const id = randomBytes(8).toString("hex");
    return { id, outs: { ...inputs, value: randomBytes(inputs.bytes).toString("base64url") } };
  },
  update: async (_id, olds, news) => ({ ...olds, ...news }),
};
