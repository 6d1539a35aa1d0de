import { afterAll, beforeAll, expect, test } from "vitest";
import { makeOwnStack, type OwnStack } from "../../../support/ownStack.ts";

let own: OwnStack;

beforeAll(async () => {
  own = await makeOwnStack("compared", "", { MENAGERIE_DATABASE_URL: "postgresql://nobody@127.0.0.1:1/none" });
});

afterAll(() => own?.dispose());

test("`compare -s` reads the shadow deployments from the stack's own engine", async () => {
  const { code, said } = await own.menagerie("compare", "next", "-s", "compared");
  expect(code).toBe(2);
  expect(said).toContain(
    'there is no shadow deployment "next"; the stack has none: declare one under menagerie:shadows',
  );
});
