import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { StoredKey } from "../../../../src/adapters/postgres/apiKeys.ts";
import { apiKey, keyHash } from "../../../../src/domain/access/apiKey.ts";
import { keyRights } from "../../../../src/domain/access/rights.ts";
import { keyRoles } from "../../../../src/domain/access/roles.ts";
import { identify } from "../../../../src/services/api/access.ts";

/** Every route of the API service asks who it is by `identify`. */
describe("who asks the API", () => {
  const key = apiKey("Ab12Cd34", randomBytes(32).toString("base64url"));
  const stored: StoredKey = {
    id: "1",
    hash: Buffer.from(keyHash(key)),
    scope: { organizationId: "7" },
    rights: keyRights,
    limits: {},
  };
  const asked = (found: StoredKey, required: boolean) =>
    identify({ "x-api-key": key }, { required, find: async () => found });

  it.each(keyRoles)("is nobody with a person's key of role %s, whatever else the key could", async (role) => {
    for (const required of [true, false])
      await expect(asked({ ...stored, role }, required)).rejects.toMatchObject({ code: "key_scope" });
  });

  it("is whose a key without a role is", async () => {
    expect(await asked(stored, true)).toMatchObject({ scope: { organizationId: "7" }, key: { id: "1" } });
  });
});
