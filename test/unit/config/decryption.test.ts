import { describe, expect, it } from "vitest";
import { keysNotDecrypted } from "../../../src/config/decryption.ts";

/** Written by the engine 3.259.0 with the passphrase "x"; the value is "hello". */
const engine = {
  salt: "v1:VLirtrCba68=:v1:9Ue6ICrohI2rqOyw:dX5HhAgjjmmlnMWnEoGrSsj0D9WlAA==",
  passphrase: "x",
};
const right = { secure: "v1:DfyyTNjZOfuR7aEP:hWKVVfnLIwDD+4GU+iYe0EFgRlAM" };
/** One character of the text is another. */
const other = { secure: "v1:DfyyTNjZOfuR7aEP:hWKVVfnLIwDD+4GU+iYe0EFgRlBM" };

describe("values that the passphrase does not open", () => {
  it("are named, and those that it opens are not", async () => {
    const config = {
      "menagerie:databasePassword": right,
      "menagerie:secrets": { a: other, b: right, c: { secure: "v1:AAAA:AAAA" } },
      "kubernetes:token": other,
    };
    expect(await keysNotDecrypted(config, engine)).toEqual([
      "menagerie:secrets.a",
      "menagerie:secrets.c",
      "kubernetes:token",
    ]);
  });

  it.each([
    ["a wrong passphrase", { ...engine, passphrase: "y" }],
    ["no passphrase", { ...engine, passphrase: undefined }],
    ["another provider of secrets", { ...engine, salt: undefined }],
  ])("are not known with %s", async (_, with_) => {
    expect(await keysNotDecrypted({ "menagerie:secrets": { a: other } }, with_)).toEqual([]);
  });
});
