import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { run } from "../../../../src/cli/program.ts";
import type { StoredValue } from "../../../../src/config/storedValues.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { environmentLayout } from "../../../../src/local/layout.ts";
import { deploy } from "../../../support/deploymentRecord.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

/** The commands that read or write a stack file: keys without a prefix, and values that `config set` stored, count as for `up`. */

const folders = vi.hoisted(() => ({ project: "" }));
vi.mock("../../../../src/local/localStack.ts", () => ({
  localProject: "menagerie",
  localStack: "local",
  get projectFolder() {
    return folders.project;
  },
}));

let postgres: TestPostgres;
let said: string;
beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  folders.project = await mkdtemp(join(tmpdir(), "menagerie-stack-files-"));
  await mkdir(join(folders.project, "source"));
  await writeFile(join(folders.project, "source", "item.sql"), "CREATE TABLE item (id int PRIMARY KEY);\n");
  await mkdir(join(folders.project, "data"));
  await writeFile(join(folders.project, "data", "item.csv"), "id\n1\n2\n");
  await withClient(postgres.server, platformDatabase, (client) =>
    deploy(client, "local", { iris: 1 }, { zoo: { iris: { truss: "models/iris", phase: "done" } } }),
  );
});

afterAll(async () => {
  await postgres.stop();
  await rm(folders.project, { recursive: true, force: true });
});

beforeEach(() => {
  said = "";
  const keep = (...parts: unknown[]): void => {
    said += `${parts.join(" ")}\n`;
  };
  vi.spyOn(console, "log").mockImplementation(keep);
  vi.spyOn(console, "error").mockImplementation(keep);
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said += String(text);
    return true;
  });
  vi.stubEnv("MENAGERIE_DATABASE_URL", urlOf(postgres.server, "postgres"));
  vi.stubEnv("MENAGERIE_HOME", join(folders.project, "home"));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

async function menagerie(...args: string[]): Promise<string> {
  const code = await run(args);
  expect(code ?? 0, said).toBe(0);
  return said;
}

const file = (stack: string): string => join(folders.project, `Pulumi.${stack}.yaml`);

/** What `menagerie pulumi -e NAME -- config set …` leaves in an environment. */
async function store(environment: string, stored: readonly StoredValue[]): Promise<void> {
  const kept = join(dirname(environmentLayout(environment).pulumi.backend), "stored.json");
  await mkdir(dirname(kept), { recursive: true });
  await writeFile(kept, JSON.stringify({ settings: {}, stored, given: null }));
}

describe("data load", () => {
  it("finds the source data under a key without a prefix", async () => {
    await writeFile(file("staging"), "config:\n  state: { schemas: state, source: { schemas: source, data: data } }\n");
    expect(await menagerie("data", "load", "-s", "staging")).toMatch(/item\.csv.*2 rows/s);
  });

  it("finds what was stored for the environment, and for no other", async () => {
    await writeFile(file("local"), "config:\n  state: { schemas: state }\n");
    await store("own", [{ path: ["menagerie:state", "source"], value: { schemas: "source", data: "data" } }]);
    expect(await menagerie("data", "load", "-e", "own")).toMatch(/item\.csv.*2 rows/s);
    expect(await run(["data", "load", "-e", "other"])).toBe(2);
    expect(said).toContain("set menagerie:state.source in");
  });
});

describe("restore", () => {
  it("writes the key as the file has it, and names the stored value that keeps the release from coming back", async () => {
    await writeFile(
      file("local"),
      "config:\n  nodeClass: local\n  zoo:\n    iris: { truss: models/iris, phase: copy }\n",
    );
    await store("own", [
      { path: ["menagerie:zoo", "iris", "phase"], value: "off" },
      { path: ["menagerie:secrets", "token"], value: { secure: "v1:AAAA:AAAA" } },
      { path: ["menagerie:namespace"], value: "elsewhere" },
    ]);
    await menagerie("restore", "release-1", "-e", "own", "--no-preview");
    expect(await readFile(file("local"), "utf8")).toMatch(/^config:\n {2}nodeClass: local\n {2}zoo:\n.*phase: done/s);
    expect(said).toContain(
      "menagerie:zoo.iris.phase: the value stored by `config set` wins over the one in the file; to use the file's, run " +
        "`menagerie pulumi -e own -- config rm --path 'menagerie:zoo.iris.phase'`",
    );
    expect(said).not.toMatch(/secrets|namespace/);
  });

  it("is refused where the file has a mistake, with its line, and the file stays", async () => {
    const text = "config:\n  menagery:zoo: {}\n";
    await writeFile(file("local"), text);
    expect(await run(["restore", "release-1", "--no-preview"])).toBe(2);
    expect(said).toContain('Pulumi.local.yaml:2:3: menagery:zoo: unknown namespace; did you mean "menagerie:zoo"?');
    expect(await readFile(file("local"), "utf8")).toBe(text);
  });
});

describe("promote", () => {
  it("pins the model that is declared under a key without a prefix, on its own pool", async () => {
    await writeFile(file("prod"), "config:\n  zoo:\n    iris: { truss: models/iris, phase: done, pool: big } # ours\n");
    await menagerie("promote", "local", "prod");
    const text = await readFile(file("prod"), "utf8");
    expect(text).toMatch(
      /zoo:\n {4}iris: \{ truss: models\/iris, phase: done, pool: big, hash: hash of iris 1 \} # ours/,
    );
    expect(text).not.toContain("menagerie:zoo");
  });

  it("names a value stored for the environment that it is promoted to", async () => {
    await writeFile(file("local"), "config:\n  zoo: { iris: { truss: models/iris, phase: done } }\n");
    await store("own", [{ path: ["menagerie:zoo", "iris", "hash"], value: "another" }]);
    await withClient(postgres.server, platformDatabase, (client) =>
      deploy(client, "staging", { iris: 1 }, { zoo: { iris: { truss: "models/iris", phase: "done" } } }),
    );
    await menagerie("promote", "staging", "local", "-e", "own");
    expect(said).toContain("menagerie:zoo.iris.hash: the value stored by `config set` wins over the one in the file");
  });
});
