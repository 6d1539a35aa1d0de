import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commands } from "../../../src/cli/commandTable.ts";

const project = join(import.meta.dirname, "../../..");
let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "menagerie-cli-"));
});
afterAll(() => rm(home, { recursive: true, force: true }));

/** Says on stderr which modules are loaded, one a line. */
const tracing = `import { registerHooks } from "node:module";
registerHooks({ load(url, context, next) { process.stderr.write("loaded " + url + "\\n"); return next(url, context); } });`;

/** One run of the command line in a process of its own. */
function menagerie(...args: string[]): Promise<{ code: number; stdout: string; said: string; loaded: string[] }> {
  const hooks = `data:text/javascript,${encodeURIComponent(tracing)}`;
  const argv = ["--import", hooks, join(project, "src/cli/main.ts"), ...args];
  const env = { ...process.env, MENAGERIE_HOME: home };
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { env, maxBuffer: 32 << 20 }, (error, stdout, stderr) => {
      const lines = stderr.split("\n");
      const traced = (line: string) => line.startsWith("loaded ");
      resolve({
        code: error ? Number(error.code) : 0,
        stdout,
        said: lines.filter((line) => !traced(line)).join("\n"),
        loaded: lines.filter(traced).map((line) => line.slice("loaded ".length)),
      });
    });
  });
}

describe("the command line", () => {
  it("lists every command with its sentence, and loads none of them for that", async () => {
    const { code, stdout, loaded } = await menagerie("--help");
    expect(code).toBe(0);
    const text = stdout.replaceAll(/\s+/g, " ");
    expect(commands.filter(({ name, about }) => !text.includes(` ${name} ${about}`))).toEqual([]);
    expect(loaded.filter((url) => url.includes("/src/cli/commands/"))).toEqual([]);
  });

  it.each([
    ["help", "predict"],
    ["predict", "--help"],
  ])("shows the help of one command by `%s %s`", async (...args) => {
    const { code, stdout } = await menagerie(...args);
    expect([code, stdout]).toEqual([0, expect.stringContaining("Usage: menagerie predict [options] <model>")]);
    expect(stdout).toContain(commands.find(({ name }) => name === "predict")?.about);
  });

  it.each([
    ["rollout", "advance", "iris", "--to", "nowhere"],
    ["app", "create", "--unknown"],
  ])("ends with 2 where an option of a subcommand is wrong: %s %s", async (...args) => {
    const { code, said } = await menagerie(...args);
    expect([code, said]).toEqual([2, expect.stringContaining("(--help lists the options)")]);
  });

  it("wants the database of a user's own stack named: no environment's stands in for it", async () => {
    const { code, said } = await menagerie("compare", "next", "-s", "staging");
    const told = 'the database of stack "staging" is not known; set MENAGERIE_DATABASE_URL';
    expect([code, said]).toEqual([2, expect.stringContaining(told)]);
  });

  it("suggests the command that was meant", async () => {
    const { code, said } = await menagerie("predct");
    expect([code, said]).toEqual([2, expect.stringContaining("Did you mean predict?")]);
  });

  it.each(commands.map((entry) => [entry.name, entry] as const))(
    "has `%s` where the table says",
    async (name, entry) => {
      expect((await entry.load()).name()).toBe(name);
    },
  );
});

/** What takes longest to load: from a tenth to half a second of the processor each. */
const heavy = /node_modules\/(@pulumi|@kubernetes|pg|graphql|undici)\//;

describe("a command that asks nothing of the cluster", () => {
  it.each([
    // Up to where it finds that there is no environment.
    [1, ["predict", "iris", "--data", "{}"]],
    [0, ["truss", "hash", join(project, "models/greeter")]],
    [0, ["--version"]],
  ])("loads no client that it does not need (exit code %i: %j)", async (exit, args) => {
    const { code, said, loaded } = await menagerie(...args);
    expect(code, said).toBe(exit);
    expect(loaded.filter((url) => heavy.test(url))).toEqual([]);
  });
});
