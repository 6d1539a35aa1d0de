import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { environmentLayout } from "../../../src/local/layout.ts";
import { readStackOutputs } from "../../../src/local/stackOutputs.ts";

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "menagerie-outputs-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function state(latest: object | null): Promise<void> {
  const folder = join(environmentLayout("local", home).pulumi.backend, ".pulumi/stacks/menagerie");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "local.json"), JSON.stringify({ version: 3, checkpoint: { stack: "local", latest } }));
}

const outputs = () => readStackOutputs(environmentLayout("local", home));

describe("outputs of an environment's stack", () => {
  it("are those of the stack itself, with secrets hidden as the engine hides them", async () => {
    const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:abc" };
    await state({
      resources: [
        { urn: "urn:k", type: "pulumi:providers:kubernetes", outputs: { version: "4" } },
        {
          urn: "urn:s",
          type: "pulumi:pulumi:Stack",
          outputs: { gatewayUrl: "http://a", nested: { password: secret } },
        },
        { urn: "urn:o", type: "pulumi:pulumi:Stack", parent: "urn:a", outputs: { other: true } },
      ],
    });
    expect(await outputs()).toEqual({ gatewayUrl: "http://a", nested: { password: "[secret]" } });
  });

  it.each([
    ["that never ran", () => state(null)],
    ["whose resources are gone", () => state({ resources: null })],
    ["without a state", async () => {}],
  ])("are none for a stack %s", async (_, given) => {
    await given();
    expect(await outputs()).toEqual({});
  });
});
