import type { MissingResource } from "../../adapters/postgres/missingObjects.ts";
import type { StateResource } from "../../domain/engineState.ts";
import { messageOf, type OperatorError } from "../../domain/errors.ts";
import { lastLine } from "../../domain/lastLine.ts";
import { type Preview, partsOfUrn } from "../../domain/preview/preview.ts";
import { readPreview } from "../preview/readPreview.ts";
import { refuse } from "./refusals.ts";
import type { EngineCommands } from "./stackEngine.ts";
import type { StackObjects } from "./stackObjects.ts";

type EnginePreview = Pick<PreviewRequest, "args" | "signal">;

/** What a preview asks, and where it looks. */
export interface PreviewRequest extends StackObjects {
  /** The engine's arguments, `--json` among them. */
  readonly args: readonly string[];
  /** What the stack's state holds. */
  readonly resources: readonly StateResource[];
  readonly signal: AbortSignal;
}

/**
 * The preview of a stack whose state holds nothing that the cluster has lost: the engine would leave alone what it takes to be
 * there. It is looked for while the engine previews, which is then all of it where nothing is missing.
 */
export async function previewOfWhatIsThere(engine: EngineCommands, request: PreviewRequest): Promise<Preview> {
  const [first, missing] = await Promise.all([tryPreview(engine, request), findMissing(request)]);
  if (missing.length > 0) {
    await forget(engine, missing, request.signal);
    return previewOf(engine, request);
  }
  if (first instanceof FailedPreview) throw first.told();
  return first;
}

/** The preview as it is; throws, after it printed why, where there is none. */
export async function previewOf(engine: Pick<EngineCommands, "capture">, request: EnginePreview): Promise<Preview> {
  const preview = await tryPreview(engine, request);
  if (preview instanceof FailedPreview) throw preview.told();
  return preview;
}

class FailedPreview {
  private readonly reasons: readonly string[];

  constructor(reasons: readonly string[]) {
    this.reasons = reasons;
  }

  told(): OperatorError {
    for (const reason of this.reasons) console.error(reason);
    // The provider's words, as https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts has them.
    const isConflict = this.reasons.some((reason) => /Apply failed with \d+ conflict/.test(reason));
    return refuse(isConflict ? "preview.conflict" : "preview.failed");
  }
}

async function tryPreview(
  engine: Pick<EngineCommands, "capture">,
  { args, signal }: EnginePreview,
): Promise<Preview | FailedPreview> {
  const { code, stdout, stderr } = await engine.capture(args, signal);
  signal.throwIfAborted();
  const preview = stdout.trim().startsWith("{") ? readPreview(stdout) : undefined;
  if (preview && code === 0) return preview;
  const errors = preview?.diagnostics.filter(({ severity }) => severity === "error") ?? [];
  return new FailedPreview(
    errors.length > 0
      ? errors.map(({ message }) => `error: ${message.trim().replace(/^error: /, "")}`)
      : [stderr.trim()],
  );
}

/** What cluster and database do not hold any more. */
async function findMissing(request: PreviewRequest): Promise<MissingResource[]> {
  return (await Promise.all([missingFromCluster(request), missingFromDatabase(request)])).flat();
}

/** Takes what is missing from the state, so that it is made again. */
async function forget(engine: EngineCommands, missing: readonly MissingResource[], signal: AbortSignal): Promise<void> {
  const names = [...new Set(missing.map(({ urn, what }) => what ?? partsOfUrn(urn).name))].join(", ");
  console.error(`missing from cluster or database and recreated: ${names}`);
  const targets = missing.flatMap(({ urn }) => ["--target", urn]);
  const { code, stdout, stderr } = await engine.capture(["refresh", "--yes", "--skip-preview", ...targets], signal);
  signal.throwIfAborted();
  if (code !== 0) throw refuse("refresh.failed", { reason: lastLine(stderr) ?? stdout });
}

async function missingFromCluster({ cluster, resources }: PreviewRequest): Promise<StateResource[]> {
  const { missingObjects } = await import("../../adapters/kubernetes/missingObjects.ts");
  return cluster()
    .then((config) => missingObjects(config, resources))
    .catch((error: unknown) => notChecked("the cluster", error));
}

async function missingFromDatabase({ database, resources, signal }: PreviewRequest): Promise<MissingResource[]> {
  if (!database || !resources.some(({ type }) => type.startsWith("postgresql:"))) return [];
  try {
    const server = await database(signal);
    if (!server) return [];
    const { missingSqlObjects } = await import("../../adapters/postgres/missingObjects.ts");
    const mayBeginAnew = process.env.MENAGERIE_NEW_DATABASE === "true";
    return await missingSqlObjects(server, resources, { mayBeginAnew });
  } catch (error) {
    signal.throwIfAborted();
    return notChecked("the database", error);
  }
}

/** Whether the run can do without it is the engine's to tell. */
function notChecked(what: string, error: unknown): StateResource[] {
  console.error(`note: ${what} could not be checked for missing objects: ${messageOf(error)}`);
  return [];
}
