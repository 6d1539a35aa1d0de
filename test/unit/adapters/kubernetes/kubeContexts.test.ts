import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { requireKubeContext } from "../../../../src/adapters/kubernetes/kubeContexts.ts";

const folder = mkdtempSync(join(tmpdir(), "kubeconfig-"));
const [first, second] = [join(folder, "a"), join(folder, "b")];
writeFileSync(first, "contexts: [{ name: one }, { name: two }]\n");
writeFileSync(second, "contexts: [{ name: three }]\n");

afterAll(() => rmSync(folder, { recursive: true }));

const check = (context: string, KUBECONFIG: string) =>
  requireKubeContext(context, "menagerie:kubeContext", { KUBECONFIG });

describe("a stack's context", () => {
  it("may be in any file of KUBECONFIG, and files that are not there hold none", () => {
    check("two", first);
    check("three", [first, join(folder, "absent"), second].join(delimiter));
  });

  it("that is nowhere is told with those that are", () => {
    expect(() => check("four", first)).toThrow(
      'menagerie:kubeContext: the kubeconfig has no context "four", it has one, two; correct the key, or set KUBECONFIG',
    );
    expect(() => check("one", join(folder, "absent"))).toThrow(/names none/);
  });
});
