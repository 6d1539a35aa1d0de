import { execFile } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PatchOperation } from "../../../../src/domain/patch/operation.ts";
import { withholding } from "../../../../src/domain/patch/withheld.ts";
import { credentialVariables } from "../../../../src/domain/serving/credentialFiles.ts";
import { useControlTruss, Version } from "../../../support/controlledVersion.ts";
import { type PackageIndex, startPackageIndex } from "../../../support/packageIndex.ts";

/**
 * Requirements whose address has a password: the real control server gets them, and shows it nowhere. The container's Python is read-only
 * here, so that uv fails in the end; in a real environment they are installed, by the soak test of patches.
 */

useControlTruss();
let index: PackageIndex;
beforeAll(async () => {
  index = await startPackageIndex("menagerie_probe", ["1.0", "2.0"]);
  index.answerAfter(400);
});
afterAll(() => index?.stop());

const model = `import importlib\n\n\nclass Model:\n    def predict(self, model_input):\n        try:\n            return importlib.import_module("menagerie_probe").VERSION\n        except ImportError:\n            return "none"\n`;
const requiring = (requirement: string): PatchOperation[] => [
  { type: "python_requirement", body: { action: "UPDATE", requirement } },
];

/** Command lines of all processes, looked at until `work` is done. */
async function commandsDuring(work: Promise<unknown>): Promise<string> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  let seen = "";
  while (!isDone) {
    seen += (await promisify(execFile)("ps", ["-eo", "args"], { maxBuffer: 1 << 26 })).stdout;
    await delay(50);
  }
  await done;
  return seen;
}

test("a password in an address is in no log and no command line, whether it is right or wrong", async (context) => {
  const version = await new Version(context).run({
    ...credentialVariables,
  });
  const control = withholding(version.control, async () => true);
  await version.save(model);
  expect(await version.sync({}, control)).toMatchObject({ state: "synced" });
  const base = new URL(index.url);
  const at = (password: string, path: string) => `${base.protocol}//ada:${password}@${base.host}/${path}`;

  const wheel = (number: string) => `files/menagerie_probe-${number}-py3-none-any.whl`;
  await version.save("", {
    ops: requiring(`menagerie_probe @ ${at(index.password, wheel("1.0"))}`),
    hash: "5".repeat(64),
  });
  const commands = await commandsDuring(
    version.sync({}, control).then((result) => expect(result).toMatchObject({ state: "failed" })),
  );
  // It was told by its address, and came.
  expect(commands).toContain(`@ ${base.protocol}//${base.host}/${wheel("1.0")}`);
  expect(index.asked).toContain(`/${wheel("1.0")}`);
  expect(await version.prediction()).toBe("none");

  const wrong = "hunter3-of-nobody";
  const refused = [`menagerie_probe @ ${at(wrong, wheel("2.0"))}`, `git+${at(wrong, "no/such.git")}`];
  for (const [number, requirement] of refused.entries()) {
    await version.save("", { ops: requiring(requirement), hash: `${6 + number}`.repeat(64) });
    const seen = await commandsDuring(
      version.sync({}, control).then((result) => expect(result).toMatchObject({ state: "failed" })),
    );
    expect(seen).toContain("uv");
    expect(await version.prediction()).toBe("none");
    for (const secret of [wrong, index.password]) expect(seen).not.toContain(secret);
  }
  expect(version.container.log()).toContain("non-zero exit status");
  for (const secret of [wrong, index.password]) {
    expect(commands).not.toContain(secret);
    expect(version.container.log()).not.toContain(secret);
  }
}, 120_000);
