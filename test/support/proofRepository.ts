import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dump } from "js-yaml";
import type { SampledRequest } from "../../src/domain/samples/format.ts";
import { headerLine, requestLine } from "../../src/domain/samples/write.ts";
import { commitAll, gitIn, writeFiles } from "./gitRepository.ts";

/** A repository with a stack of played models and their samples. */
export class ProofRepository {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<ProofRepository> {
    const repository = new ProofRepository(await mkdtemp(join(tmpdir(), "proof-repository-")));
    await repository.write("Pulumi.yaml", "name: menagerie\nruntime: nodejs\n");
    await repository.git("init", "-q", "-b", "main");
    return repository;
  }

  git(...args: string[]): Promise<string> {
    return gitIn(this.folder, ...args);
  }

  commit(): Promise<string> {
    return commitAll(this.folder);
  }

  write(file: string, text: string | Uint8Array): Promise<void> {
    return writeFiles(this.folder, { [file]: text });
  }

  /** A truss whose model does what `play` says; see `playedTrials`. */
  async model(name: string, play: object, config = ""): Promise<void> {
    await this.write(`models/${name}/config.yaml`, `model_name: ${name}\n${config}`);
    await this.write(`models/${name}/model/model.py`, `# ${JSON.stringify(play)}\n`);
  }

  async stack(config: Readonly<Record<string, unknown>>): Promise<void> {
    const keys = Object.fromEntries(Object.entries(config).map(([key, value]) => [`menagerie:${key}`, value]));
    await this.write("Pulumi.local.yaml", dump({ config: { "menagerie:nodeClass": "local", ...keys } }));
  }

  /** A sample of requests `{"x": 1}`, `{"x": 2}`, …, in `samples/<name>/` unless `file` says otherwise. */
  async sample(
    name: string,
    requests: number,
    { file = `samples/${name}/${name}.sample.jsonl`, expiresAt = "2100-01-01T00:00:00.000Z" } = {},
  ): Promise<void> {
    const bodies = Array.from({ length: requests }, (_, index) => ({ x: index + 1 }));
    await this.write(file, sampleOf(name, bodies, { expiresAt }));
  }

  dispose(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

/** A sample of predictions with these bodies, as `menagerie sample export` would write it. */
export function sampleOf(
  name: string,
  bodies: readonly unknown[],
  {
    expiresAt = "2100-01-01T00:00:00.000Z",
    path = "/v1/models/model:predict",
    operation = "predict",
  }: { readonly expiresAt?: string; readonly path?: string; readonly operation?: SampledRequest["operation"] } = {},
): Uint8Array {
  const lines = bodies.map((body, index) => requestLine({ ...sampled(index + 1, body), path, operation }));
  const { line } = headerLine(
    {
      source: {
        environment: "local",
        name,
        kind: "zoo",
        schema: `recorded_${name}`,
        versions: ["1"],
        since: "2026-11-01T00:00:00.000Z",
        until: "2026-11-08T00:00:00.000Z",
        organization: null,
      },
      redaction: { rules: [], unredacted: null },
      by: { who: "ada@laptop", key: "mng_1" },
      stratify: [],
      strata: [{ stratum: "all", recorded: bodies.length, chosen: bodies.length }],
      addresses: 0,
      createdAt: "2026-11-08T00:00:00.000Z",
      expiresAt,
    },
    lines,
  );
  return Buffer.concat([line, ...lines]);
}

function sampled(number: number, json: unknown): SampledRequest {
  return {
    id: `request-${number}`,
    attempt: 1,
    at: "2026-11-01T12:00:00.000Z",
    operation: "predict",
    path: "/v1/models/model:predict",
    headers: { "content-type": "application/json" },
    body: { json },
    answer: {
      status: 200,
      latencyMs: 3,
      streamed: false,
      firstTokenMs: null,
      completionTokens: null,
      encoding: null,
      body: { json: {} },
    },
  };
}
