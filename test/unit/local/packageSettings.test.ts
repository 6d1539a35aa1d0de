import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageIndexes, packageSettings } from "../../../src/local/packageSettings.ts";

test("pods get what pip has in its files, as uv's variables, where uv has none of its own", async () => {
  const folder = mkdtempSync(join(tmpdir(), "menagerie-pip-"));
  const file = join(folder, "pip.conf");
  writeFileSync(file, "[global]\nindex-url = http://ada:secret@index.corp:3141/simple\n[install]\ntimeout = 7\n");
  const settings = await packageSettings({ ...process.env, PIP_CONFIG_FILE: file, UV_HTTP_TIMEOUT: "9" });
  expect(settings).toMatchObject({
    UV_DEFAULT_INDEX: "http://ada:secret@index.corp:3141/simple",
    UV_HTTP_TIMEOUT: "9",
  });
  rmSync(folder, { recursive: true });
});

test("the way to each index is open, at its port", () => {
  const variables = {
    UV_DEFAULT_INDEX: "https://ada:secret@index.corp/simple",
    UV_INDEX: "internal=http://Other.corp:3141/simple https://third.corp:444/",
    PIP_FIND_LINKS: "/opt/wheels http://files.corp/wheels",
    PIP_CERT: "https://no.index",
  };
  expect([...packageIndexes(variables)].sort()).toEqual([
    "files.corp:80",
    "index.corp:443",
    "other.corp:3141",
    "third.corp:444",
  ]);
  expect(packageIndexes({}).size).toBe(0);
});
