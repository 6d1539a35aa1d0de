import { OperatorError } from "../domain/errors.ts";
import { type SmokeCase, suiteOf } from "../domain/zoo/smoke.ts";
import { asDeployer, type DatabaseInput } from "./databaseServer.ts";
import type { Due, Handler } from "./handler.ts";
import { untilTerminated } from "./host.ts";

export interface SmokeTestInputs extends DatabaseInput, Due {
  /** Name of the zoo model, without `_copy`. */
  readonly model: string;
  /** Content that answers. */
  readonly hash: string;
  /** Address that takes predictions, up to and including `:predict`. */
  readonly url: string;
  /** Sent where the gateway asks for one. A secret. @default none */
  readonly key?: string | undefined;
  /** Of what answers; a new one is tried again. */
  readonly revision: string;
  readonly cases: readonly SmokeCase[];
  /** How long the route may take to lead there, in seconds. */
  readonly timeoutSeconds: number;
}

export interface SmokeTestOutputs extends SmokeTestInputs {
  /** Id of the evidence. */
  readonly evidenceId: string;
  /** SHA-256 of the evidence. */
  readonly evidenceHash: string;
}

/** Tries a deployed content with a smoke set and stores what it answered. Deleting it leaves the evidence. */
export const smokeTest: Handler<SmokeTestInputs, SmokeTestOutputs> = {
  inputs: ["model", "hash", "url", "revision", "cases"],
  replaceOn: ["model"],
  check: async () => [],
  async create(inputs) {
    const outs = await test(inputs);
    return { id: outs.evidenceId, outs };
  },
  update: (_id, _olds, news) => test(news),
  exists: async () => true,
  delete: async () => {},
};

async function test(inputs: SmokeTestInputs): Promise<SmokeTestOutputs> {
  const { recordEvidence } = await import("../adapters/postgres/zoo/gateEvidence.ts");
  const { runSmokeSet } = await import("../adapters/predictions/smoke.ts");
  const { model, hash, url, key, cases, timeoutSeconds } = inputs;
  const results = await untilTerminated((signal) => runSmokeSet({ url, key, cases, timeoutSeconds, signal }));
  const failed = results.filter(({ differences }) => differences.length > 0);
  const { id, evidenceHash } = await asDeployer(inputs, (client) =>
    recordEvidence(client, {
      ...{ model, hash, kind: "smoke", suite: suiteOf(cases), passed: failed.length === 0 },
      evidence: { url, results },
    }),
  );
  const [first] = failed;
  if (first) {
    throw new OperatorError(
      `${model}: ${failed.length} of ${cases.length} smoke cases fail; the first, ${first.name}: ${first.differences.slice(0, 3).join("; ")}`,
      { exitCode: 3 },
    );
  }
  console.log(`${model}: all ${cases.length} smoke cases pass (evidence ${evidenceHash.slice(0, 12)})`);
  return { ...inputs, evidenceId: id, evidenceHash };
}
