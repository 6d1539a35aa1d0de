import { resolve } from "node:path";
import type { DevelopmentVersions } from "../adapters/api/developmentVersions.ts";
import { planDevelopment } from "../domain/development/plan.ts";
import type { OperatorError } from "../domain/errors.ts";
import { hashSnapshot } from "../domain/truss/hash.ts";
import { signatureOf } from "../domain/truss/signature.ts";
import type { Handler } from "../providers/handler.ts";
import { untilTerminated } from "../providers/host.ts";
import { refuse } from "../providers/refusals.ts";

export interface PatchSyncInputs {
  /** Name of the model, for sentences. */
  readonly model: string;
  readonly versionId: string;
  /** Truss folder relative to the project. Only its hash says what it is. */
  readonly folder: string;
  /** Content hash of the folder at this `up`. */
  readonly declaredHash: string;
  /** Content that the folder counts as having had before, by the plan; not a change by itself. @default `baseHash` */
  readonly declaredBefore?: string;
  /** Content that the image was built from. */
  readonly baseHash: string;
  /** Whether this `up` deploys in full, so that the chain of patches starts anew. Not a change by itself. */
  readonly deploys: boolean;
  readonly takeover: boolean;
  /**
   * Address of the API service, without a path.
   * @default that of MENAGERIE_API_URL or, as the gateway leads there too, MENAGERIE_GATEWAY_URL, whose values stand in no state
   */
  readonly api?: string;
  /** The stack's own API key. A secret; MENAGERIE_API_KEY wins. */
  readonly apiKey: string;
  /** How long the container may take to run the head, in seconds. */
  readonly timeoutSeconds: number;
}

export interface PatchSyncOutputs extends PatchSyncInputs {
  /** Head of the chain, as last seen: another one than `declaredHash` where a client is ahead. */
  readonly headHash: string;
  /** What the container says it runs; null where it was not asked. */
  readonly runningHash: string | null;
  readonly state: string;
}

/**
 * Stands for "the declared folder's content is what the development version runs", unless clients are ahead of it.
 * Syncs through the API service.
 */
export const patchSync: Handler<PatchSyncInputs, PatchSyncOutputs> = {
  inputs: {
    model: "update",
    versionId: "replace",
    folder: "update",
    declaredHash: "update",
    // Of the plan, and different in the `up` after the one that changed something.
    declaredBefore: "ignore",
    deploys: "ignore",
    baseHash: "update",
    // How the sync is done, not what it leads to.
    takeover: "ignore",
    api: "ignore",
    apiKey: "ignore",
    timeoutSeconds: "ignore",
  },
  async create(inputs) {
    return { id: inputs.versionId, outs: await carryOut(inputs) };
  },
  update: (_id, _olds, news) => carryOut(news),
  async read(_id, props) {
    const { ApiRefused } = await import("../adapters/api/developmentVersions.ts");
    try {
      const { headHash, runningHash, state } = await (await clientOf(props)).status(props.versionId);
      return { ...props, headHash, runningHash, state };
    } catch (error) {
      if (!(error instanceof ApiRefused)) throw error;
      if (error.code === "not_found") return undefined;
      // A refresh of everything else goes on; what runs is then not known.
      return { ...props, runningHash: null, state: "unreachable" };
    }
  },
};

/** Converges from what the chain holds now, so that an `up` that was cut off is carried on by the next. */
async function carryOut(inputs: PatchSyncInputs): Promise<PatchSyncOutputs> {
  const { answering, syncUntilAnswering } = await import("../adapters/api/syncUntilAnswering.ts");
  const client = await clientOf(inputs);
  const { versionId, model } = inputs;
  const withinMs = inputs.timeoutSeconds * 1000;
  return untilTerminated(async (signal) => {
    const deadline = Date.now() + withinMs;
    const ask = <T>(question: () => Promise<T>) => answering(question, deadline, signal);
    const isChanged = inputs.deploys ? await startGeneration(client, inputs, ask) : await patch(client, inputs, ask);
    const report = (reason: string): void => console.log(`${model}: waiting, ${reason}`);
    const { headHash, runningHash, state } = isChanged
      ? await syncUntilAnswering({ client, versionId, model, withinMs, report, signal })
      : await ask(() => client.status(versionId, signal));
    return { ...inputs, headHash, runningHash, state };
  });
}

type Ask = <T>(question: () => Promise<T>) => Promise<T>;

async function startGeneration(client: DevelopmentVersions, inputs: PatchSyncInputs, ask: Ask): Promise<true> {
  const { onTheWire } = await import("../adapters/api/pushTruss.ts");
  const { snapshot, patterns } = await readDeclared(inputs);
  const generation = { hash: inputs.baseHash, signature: onTheWire(signatureOf(snapshot, patterns)) };
  await ask(() => client.startGeneration(inputs.versionId, generation));
  return true;
}

/** The same decision as in the preview, from the head as it is now. Answers whether anything was sent. */
async function patch(client: DevelopmentVersions, inputs: PatchSyncInputs, ask: Ask): Promise<boolean> {
  const { StaleHead } = await import("../adapters/api/developmentVersions.ts");
  const { headOfStatus, pushTruss } = await import("../adapters/api/pushTruss.ts");
  const { model, versionId, baseHash, takeover } = inputs;
  const status = await ask(() => client.status(versionId));
  const { snapshot, patterns } = await readDeclared(inputs);
  const plan = planDevelopment({
    folder: { hash: inputs.declaredHash, snapshot, patterns },
    declaredHash: inputs.declaredBefore,
    deployed: { baseHash, headHash: status.headHash, headSignature: status.headSignature, seq: status.seq },
    takeover,
  });
  if (plan.kind === "keep" || plan.kind === "adopt") return false;
  if (plan.kind === "refused") throw refuse("development.refused", { model, ...plan.reason });
  if (plan.kind !== "patch") throw movedMeanwhile(model);
  const head = headOfStatus(status);
  const read = () => readDeclared(inputs);
  try {
    const pushed = await pushTruss({ client, versionId, head, takeover, rebase: takeover, read });
    if (pushed.kind === "deploy") throw movedMeanwhile(model);
  } catch (error) {
    throw error instanceof StaleHead ? movedMeanwhile(model) : error;
  }
  return true;
}

async function readDeclared({ model, folder, declaredHash }: PatchSyncInputs) {
  const { readTruss } = await import("../adapters/truss/snapshot.ts");
  const reading = await readTruss(resolve(folder));
  if (hashSnapshot(reading.snapshot, reading.patterns) === declaredHash) return reading;
  throw refuse("development.folder-changed", { model, folder });
}

function movedMeanwhile(model: string): OperatorError {
  return refuse("development.patched-meanwhile", { model });
}

async function clientOf({ api, apiKey }: PatchSyncInputs): Promise<DevelopmentVersions> {
  const { MENAGERIE_API_URL, MENAGERIE_GATEWAY_URL, MENAGERIE_API_KEY } = process.env;
  const url = api || MENAGERIE_API_URL || MENAGERIE_GATEWAY_URL;
  if (!url) throw refuse("api.not-set", { variable: "MENAGERIE_API_URL" });
  const { createDevelopmentVersions } = await import("../adapters/api/developmentVersions.ts");
  return createDevelopmentVersions({ url, key: MENAGERIE_API_KEY || apiKey });
}
