import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { engineArguments } from "../../../src/cli/engineCommand.ts";
import { checkedEnvironment } from "../../../src/cli/up/declaredEnvironment.ts";
import { silent } from "../../../src/domain/progress.ts";
import { prepareEngine } from "../../../src/local/engine.ts";
import { environmentLayout, menagerieCache } from "../../../src/local/layout.ts";
import { keepChanges, storedValues } from "../../../src/local/stackConfig.ts";
import type { EngineTarget } from "../../../src/local/target.ts";
import { ensureToolchain, type Toolchain } from "../../../src/local/toolchain/index.ts";

/** What the real engine's commands do to the config of an environment. The checkout is a folder of the test's own. */

const folders = vi.hoisted(() => ({ project: "" }));
vi.mock("../../../src/local/localStack.ts", () => ({
  localProject: "menagerie",
  localStack: "local",
  get projectFolder() {
    return folders.project;
  },
}));

const checkout = join(import.meta.dirname, "../../..");
const committed = `config:
  menagerie:nodeClass: local # stays
  menagerie:ratelimitEnabled: true
  menagerie:secrets: {}
  menagerie:migrationTarget: { table: apps }
  menagerie:zoo:
    iris: { truss: models/iris, phase: done }
`;
let folder: string;
let toolchain: Toolchain;
let layout: ReturnType<typeof environmentLayout>;
let environments = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-config-"));
  folders.project = join(folder, "checkout");
  await mkdir(folders.project);
  await writeFile(join(folders.project, "Pulumi.yaml"), "name: menagerie\nruntime: nodejs\n");
  await symlink(join(checkout, "node_modules"), join(folders.project, "node_modules"));
  toolchain = await ensureToolchain({
    cache: menagerieCache(),
    progress: silent,
    signal: new AbortController().signal,
  });
}, 1_800_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  environments += 1;
  layout = environmentLayout(`e${environments}`, folder);
  await writeFile(join(folders.project, "Pulumi.local.yaml"), committed);
});

const target = { kind: "existing", kubeconfig: "/none", gatewayUrl: "http://127.0.0.1:1" } as unknown as EngineTarget;

/** One `menagerie pulumi -- ARGS`. */
async function pulumi(...args: string[]) {
  const engine = await prepareEngine(layout, target, toolchain);
  const code = await engine.run([...engineArguments(args, layout.name), "--non-interactive"]);
  return { code, ...(await keepChanges(layout)) };
}

/** The value of a key as the next command of the engine sees it. */
async function seen(key: string): Promise<string> {
  const engine = await prepareEngine(layout, target, toolchain);
  return engine.output(["config", "get", "--path", key]);
}

const committedNow = () => readFile(join(folders.project, "Pulumi.local.yaml"), "utf8");

describe("what `config set` stores", () => {
  it("is kept by path, plain and secret, wins over the file, and goes by `config rm`", async () => {
    expect((await pulumi("config", "set", "menagerie:namespace", "zoo")).code).toBe(0);
    const url = "menagerie:migrationTarget.databaseUrl";
    expect((await pulumi("config", "set", "--secret", "--path", url, "postgresql://h/d")).code).toBe(0);
    await pulumi("config", "set", "--secret", "--path", "menagerie:secrets.token", "t0ken");
    await pulumi("config", "set", "--path", "menagerie:zoo.iris.phase", "off");
    expect((await storedValues(layout)).map(({ path }) => path.join("."))).toEqual([
      url,
      "menagerie:namespace",
      "menagerie:secrets.token",
      "menagerie:zoo.iris.phase",
    ]);
    // The file changes meanwhile, as by a pull.
    await writeFile(join(folders.project, "Pulumi.local.yaml"), committed.replace("phase: done", "phase: bake"));
    expect(await seen("menagerie:namespace")).toBe("zoo");
    expect(await seen(url)).toBe("postgresql://h/d");
    expect(await seen("menagerie:migrationTarget.table")).toBe("apps");
    expect(await seen("menagerie:secrets.token")).toBe("t0ken");
    expect(await seen("menagerie:zoo.iris.phase")).toBe("off");
    const { forgotten } = await pulumi("config", "rm", "--path", "menagerie:zoo.iris.phase");
    expect(forgotten).toEqual([["menagerie:zoo", "iris", "phase"]]);
    expect(await seen("menagerie:zoo.iris.phase")).toBe("bake");
    expect(await readFile(join(dirname(layout.pulumi.backend), "stored.json"), "utf8")).not.toMatch(
      /t0ken|postgresql:/,
    );
    expect(await committedNow()).toBe(committed.replace("phase: done", "phase: bake"));
  });

  it("is also what a command stored whose process was killed before it was kept", async () => {
    const engine = await prepareEngine(layout, target, toolchain);
    await engine.run(["config", "set", "menagerie:namespace", "zoo"]);
    expect((await storedValues(layout)).map(({ value }) => value)).toEqual(["zoo"]);
    expect(await seen("menagerie:namespace")).toBe("zoo");
  });

  it("is nothing after a command that reads", async () => {
    expect(await pulumi("config")).toEqual({ code: 0, set: [], forgotten: [], committed: [] });
    expect(await storedValues(layout)).toEqual([]);
  });
});

describe("the committed file", () => {
  it("keeps a key that `config rm` names, and that is said", async () => {
    expect((await pulumi("config", "rm", "menagerie:zoo")).committed).toEqual([["menagerie:zoo"]]);
    expect(await seen("menagerie:zoo.iris.phase")).toBe("done");
    expect(await committedNow()).toBe(committed);
  });

  it("stays where it is when the stack is removed, and a new stack has what was stored", async () => {
    await pulumi("config", "set", "--secret", "--path", "menagerie:secrets.token", "t0ken");
    expect((await pulumi("stack", "rm", "local", "--yes")).code).toBe(0);
    expect(await committedNow()).toBe(committed);
    expect(await seen("menagerie:secrets.token")).toBe("t0ken");
  });
});

describe("a value that cannot be decrypted", () => {
  it("is named with the command that removes it; nothing else is touched, and its removal mends everything", async () => {
    await pulumi("config", "set", "--secret", "--path", "menagerie:secrets.good", "t0ken");
    await pulumi("config", "set", "--secret", "--path", "menagerie:secrets.bad", "other");
    // As a copy from another environment would be.
    const kept = join(dirname(layout.pulumi.backend), "stored.json");
    const text = await readFile(kept, "utf8");
    const { stored } = JSON.parse(text) as { stored: { path: string[]; value: { secure: string } }[] };
    const bad = stored.find(({ path }) => path[1] === "bad")?.value.secure ?? "";
    const file = join(dirname(kept), "Pulumi.local.yaml");
    const alien = bad.replace(/.{4}$/, "AAAA");
    await writeFile(kept, text.replaceAll(bad, alien));
    await writeFile(file, (await readFile(file, "utf8")).replaceAll(bad, alien));
    const { issues } = await checkedEnvironment(layout, "embedded");
    const says = issues.filter(({ message }) => message.includes("decrypted"));
    expect(says.map(({ message }) => message)).toEqual([
      `menagerie:secrets.bad: its encrypted value cannot be decrypted; remove it with \`menagerie pulumi -e ${layout.name} -- config rm --path 'menagerie:secrets.bad'\`, or set it again with \`menagerie pulumi -e ${layout.name} -- config set --secret --path 'menagerie:secrets.bad'\``,
    ]);
    expect((await pulumi("config", "rm", "--path", "menagerie:secrets.bad")).code).toBe(0);
    expect(await seen("menagerie:secrets.good")).toBe("t0ken");
    const after = await checkedEnvironment(layout, "embedded");
    expect(after.issues.filter(({ message }) => message.includes("decrypted"))).toEqual([]);
  });

  it("in the committed file is mended by its removal", async () => {
    const junk = committed.replace("config:", 'config:\n  menagerie:databasePassword: { secure: "v1:junk" }');
    await writeFile(join(folders.project, "Pulumi.local.yaml"), junk);
    await expect(pulumi("config")).rejects.toThrow(
      "menagerie:databasePassword: its encrypted value cannot be decrypted",
    );
    await writeFile(join(folders.project, "Pulumi.local.yaml"), committed);
    expect((await pulumi("config")).code).toBe(0);
    expect(await storedValues(layout)).toEqual([]);
  });
});
