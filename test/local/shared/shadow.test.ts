import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serverFromUrl, withClient } from "../../../src/adapters/postgres/server.ts";
import { environmentLayout } from "../../../src/local/layout.ts";
import { readTarget } from "../../../src/local/target.ts";
import { SharedEnvironment } from "../support/sharedEnvironment.ts";

/** The seed's example as docs/shadows.md says it: the same model twice, FACTOR 2 answers, FACTOR 3 gets copies. */
const declaration = `  menagerie:shadows:
    mirrored-inference:
      primary: { truss: models/multiplier, env: { FACTOR: "2" }, resources: { cpu: 500m, memory: 512Mi } }
      shadows:
        tripled: { truss: models/multiplier, env: { FACTOR: "3" }, resources: { cpu: 500m, memory: 512Mi } }
      gate: { minPairs: 3, maxMismatch: 0.01 }
`;
const body = '{"values": ["3.3", "62.3","324"]}';
const requests = 5;

let shared: SharedEnvironment;
let folder: string;
let gateway: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-shadow-"));
  shared = await SharedEnvironment.open();
  await shared.editStack((text) => `${text.trimEnd()}\n${declaration}`);
  await shared.up();
  gateway = (await shared.json<{ gateway: string }>("status", "--json")).gateway;
});

afterAll(async () => {
  await shared?.close();
  await rm(folder, { recursive: true, force: true });
});

interface Compared {
  readonly headline: string;
  readonly evidenceHash: string;
  readonly result: {
    readonly pairs: number;
    readonly mismatches: number;
    readonly factor: { readonly factor: number; readonly share: number } | null;
    readonly completeness: { readonly rate: number; readonly lost: number };
  };
}

/** Compares until both recorders have stored what was sent. */
async function compared(pairs: number): Promise<Compared> {
  for (let tries = 0; ; tries += 1) {
    const { stdout, code } = await shared.home.menagerie(["compare", "mirrored-inference", "--json"]);
    // Its gate is not met.
    expect(code).toBe(3);
    const answer = JSON.parse(stdout) as Compared;
    if (answer.result.pairs >= pairs || tries === 100) return answer;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Rows of one side's schema, read with the environment's own credentials. */
async function stored(schema: string) {
  process.env.MENAGERIE_HOME = shared.home.path;
  const url = (await readTarget(environmentLayout("local")))?.databaseServer?.url ?? "";
  return withClient(serverFromUrl(url, "the environment's"), "menagerie", async (client) => {
    const { rows } = await client.query<{ id: string; answer: unknown }>(
      `SELECT request_id AS id, response_data AS answer FROM ${schema}.inference_response`,
    );
    return new Map(rows.map(({ id, answer }) => [id, answer]));
  });
}

describe("a shadow deployment", () => {
  test("the seed's curl is answered doubled, by the primary alone", async () => {
    for (let sent = 0; sent < requests; sent += 1) {
      const { stdout } = await promisify(execFile)("sh", [
        "-c",
        `DOMAIN_NAME=${gateway} PROFILE_NAME=models X_API_KEY=key
curl -sS -L -X POST \\
  "$DOMAIN_NAME/serving/$PROFILE_NAME/mirrored-inference/v1/models/model:predict" \\
  -H "Content-Type: application/json" \\
  -H "Test-Header" -H "x-api-key: \${X_API_KEY}" \\
  -d '${body}'`,
      ]);
      expect(JSON.parse(stdout)).toEqual({ results: [6.6, 124.6, 648] });
    }
  });

  test("`compare` says that they all differ, by a factor of 1.5", async () => {
    const { headline, result } = await compared(requests);
    expect(headline).toBe(`All ${requests} answers differ, by a factor of 1.5.`);
    expect(result).toMatchObject({ pairs: requests, mismatches: requests, factor: { factor: 1.5, share: 1 } });
    expect(result.completeness).toMatchObject({ rate: 1, lost: 0 });
  });

  test("the database holds the tripled answers under the same request ids", async () => {
    const [doubled, tripled] = [
      await stored("shadow_mirrored_inference_primary"),
      await stored("shadow_mirrored_inference_tripled"),
    ];
    expect([...tripled.keys()].sort()).toEqual([...doubled.keys()].sort());
    for (const answer of doubled.values()) expect(answer).toEqual({ results: [6.6, 124.6, 648] });
    for (const answer of tripled.values()) {
      const { results } = answer as { results: number[] };
      expect(results.map((value) => Number(value.toFixed(6)))).toEqual([9.9, 186.9, 972]);
    }
  });

  test("a gate that is not met ends with 3, and the report is written all the same", async () => {
    const report = join(folder, "report.html");
    const { code, stderr } = await shared.home.menagerie([
      "compare",
      "mirrored-inference",
      ...["--report", report, "--record", "multiplier"],
    ]);
    expect(code).toBe(3);
    expect(stderr).toContain("menagerie: the gate of mirrored-inference is not met: 100 % differ");
    const standing = await shared.succeed("rollout", "multiplier");
    expect(standing.stdout).toMatch(/^evidence: shadow failed at /m);
    expect(await readFile(report, "utf8")).toContain("<h1>All 5 answers differ, by a factor of 1.5.</h1>");
  });

  test("what is wrong in a command line is told in one sentence", async () => {
    const sentence = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await shared.home.menagerie(["compare", ...args]);
      expect(code).toBe(2);
      return stderr.trim();
    };
    expect(await sentence("mirrored")).toBe(
      'menagerie: there is no shadow deployment "mirrored"; the stack has mirrored-inference',
    );
    expect(await sentence("mirrored-inference", "--shadow", "x")).toBe(
      'menagerie: --shadow "x": mirrored-inference has no such shadow; it has tripled',
    );
    expect(await sentence("mirrored-inference", "--since", "noon")).toBe(
      'menagerie: --since "noon" is not a time; use 30m, 24h, 7d, or a time such as 2026-11-21T08:00Z or 2026-11-21T09:00+01:00',
    );
  });

  test("a shadow's process that dies costs no request an answer", async () => {
    const before = (await compared(requests)).result.pairs;
    const recorders = shared.home.processes().filter(({ command }) => command.includes("services/recorder/main.ts"));
    expect(recorders.length).toBeGreaterThanOrEqual(2);
    // Which recorder is whose cannot be told from outside; the shadow's answers no client, so model servers are killed.
    shared.home.kill(/^\S*python\S* \S*main.py/);
    let answered = 0;
    for (let tries = 0; tries < 300 && answered < requests; tries += 1) {
      const response = await fetch(`${gateway}/serving/models/mirrored-inference/v1/models/model:predict`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      // Never the shadow's answer, whatever the primary's state.
      const answer = (await response.json()) as { results?: number[] };
      if (response.ok) {
        expect(answer).toEqual({ results: [6.6, 124.6, 648] });
        answered += 1;
      } else await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(answered).toBe(requests);
    expect((await compared(before + 1)).result.pairs).toBeGreaterThan(before);
  });
});
