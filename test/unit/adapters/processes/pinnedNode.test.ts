import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeOf, pinnedNodeFolder } from "../../../../src/adapters/processes/pinnedNode.mjs";

const running = (version: string) => ({
  execPath: "/usr/bin/node",
  version: `v${version}`,
  versions: { node: version },
});
let project: string;

beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), "menagerie-node-"));
});
afterEach(() => rm(project, { recursive: true, force: true }));

describe("the Node.js that runs the project", () => {
  it("is the pinned one, whatever started the launcher", async () => {
    const pinned = join(project, "node_modules", pinnedNodeFolder, "node");
    await mkdir(dirname(pinned), { recursive: true });
    await writeFile(pinned, "");
    for (const version of ["18.20.8", "24.0.0", "26.1.0"]) expect(nodeOf(project, running(version))).toBe(pinned);
  });

  it("is the running one where the lock has none for this kind of machine", () => {
    expect(nodeOf(project, running("24.0.0"))).toBe("/usr/bin/node");
  });

  it("must be new enough", () => {
    expect(() => nodeOf(project, running("22.19.0"))).toThrow(/this one is v22\.19\.0: install Node\.js 24/);
  });
});
