import type * as pulumi from "@pulumi/pulumi";
import { recordingSchema } from "../src/domain/recording/settings.ts";
import { contentVersion } from "../src/domain/shadow/evidence.ts";
import type { TakenBack } from "../src/domain/zoo/takeBack.ts";
import { given } from "../src/environment/given.ts";
import type { ModelOutput, RecordingOutput, RolloutOutput } from "../src/environment/outputs.ts";
import type { ServedPlan, ZooModelPlan } from "../src/plan/zooModel.ts";
import type { ServedVersion } from "./servedVersion.ts";

/** A model's way in, or its copy's. */
export interface ZooEntryRoute {
  /** Address that takes predictions, up to and including `:predict`. Known before the model answers. */
  readonly predictUrl: string;
  readonly version: ServedPlan;
  readonly served: ServedVersion;
}

/** What a zoo model was declared as. */
export interface DeclaredEntry {
  /** By name in the database. */
  readonly routes: ReadonlyMap<string, ZooEntryRoute>;
  /** By service. */
  readonly served: ReadonlyMap<string, ServedVersion>;
  /** When the model entered its phase; null without a database. */
  readonly since: pulumi.Output<string> | null;
}

const nothing: DeclaredEntry = { routes: new Map(), served: new Map(), since: null };

/** What answers for a model, as the stack's outputs show it. */
export function modelOutput(
  { version, served, predictUrl }: ZooEntryRoute,
  { namespace, isRegistered }: { readonly namespace: string; readonly isRegistered: boolean },
): ModelOutput {
  const { mode, pool, truss } = version.serving;
  return {
    name: served.service,
    namespace,
    kind: "zoo",
    mode,
    pool,
    truss,
    hash: version.hash,
    versionId: served.versionId,
    version: isRegistered ? version.number : null,
    image: served.image,
    url: predictUrl,
  };
}

/** Where a model's recorded predictions are, as the stack's outputs show it; undefined where nothing of it is kept. */
export function recordingOutput(
  { name, recording, versions }: Pick<ZooModelPlan, "name" | "recording" | "versions">,
  url: string | undefined,
): RecordingOutput | undefined {
  if (!recording) return undefined;
  return {
    ...recording,
    schema: recordingSchema(name),
    url: url ?? null,
    versions: versions.flatMap(({ model, number, hash, serving, recording: own }) =>
      own && model === name ? [{ number, version: contentVersion(hash, serving.env) }] : [],
    ),
  };
}

function takenBackOutput({ action, at, reason, cause }: TakenBack): RolloutOutput["takenBack"] {
  return { action, at: at.toISOString(), reason, verdict: cause };
}

/**
 * A rollout, as the stack's outputs show it.
 * @param declared - default: nothing, for a model that is off
 */
export function rolloutOutput(
  { name, rollout, hash, versions, target, state, traffic, migration, takenBack, keptPods }: ZooModelPlan,
  isRegistered: boolean,
  { served, since }: DeclaredEntry = nothing,
): RolloutOutput {
  const { phase, from } = rollout.request;
  const own = target ?? versions[0];
  return {
    phase,
    hash,
    from: from ?? null,
    versionId: own ? (served.get(own.service)?.versionId ?? null) : null,
    version: own && isRegistered ? own.number : null,
    since,
    ...(traffic && {
      traffic: given({ weight: traffic.weight, control: traffic.control, sticky: traffic.sticky }),
      share: migration ? (migration.share ?? 100) : 0,
    }),
    ...given({ takenBack: takenBack && takenBackOutput(takenBack), keptPods }),
    versions: versions
      .filter(({ model }) => isRegistered && model === name)
      .map(({ number, hash: content, current, service, serving, image }) => ({
        number,
        hash: content,
        isCurrent: current,
        serving: served.get(service)?.serving ?? serving,
        id: served.get(service)?.versionId ?? "",
        image: served.get(service)?.image ?? image ?? "",
        apps: state.registered.find((row) => row.number === number)?.apps ?? 0,
      })),
  };
}
