import type { dynamic } from "@pulumi/pulumi";
import { OperatorError } from "../domain/errors.ts";
import { inEnvironment } from "../domain/printedCommands.ts";
import { checkoutImage } from "../resources/checkoutImage.handler.ts";
import { deploymentIntent } from "../resources/deploymentIntent.handler.ts";
import { developmentModelVersion } from "../resources/developmentModelVersion.handler.ts";
import { modelReady } from "../resources/modelReady.handler.ts";
import { modelRecorder } from "../resources/modelRecorder.handler.ts";
import { modelVersion } from "../resources/modelVersion.handler.ts";
import { patchSync } from "../resources/patchSync.handler.ts";
import { platformSchema } from "../resources/platformSchema.handler.ts";
import { predictionTables } from "../resources/predictionTables.handler.ts";
import { releaseOutcome } from "../resources/releaseOutcome.handler.ts";
import { releaseRetention } from "../resources/releaseRetention.handler.ts";
import { releaseState } from "../resources/releaseState.handler.ts";
import { rolloutTraffic } from "../resources/rolloutTraffic.handler.ts";
import { secretValue } from "../resources/secretValue.handler.ts";
import { smokeTest } from "../resources/smokeTest.handler.ts";
import { stateJob } from "../resources/stateJob.handler.ts";
import { trussImage } from "../resources/trussImage.handler.ts";
import { zooMigration } from "../resources/zooMigration.handler.ts";
import { zooRollout } from "../resources/zooRollout.handler.ts";
import { changesOf, type Due, type Handler } from "./handler.ts";

type Properties = Record<string, unknown>;
type AnyHandler = Handler<Properties, Properties>;

/**
 * Handlers by kind. A kind that the program no longer declares stays here until no stack has it in its state, because
 * the engine calls its handler to refresh and delete it. For the same reason a kind keeps its name when the class and the handler get
 * another one.
 */
const handlers: ReadonlyMap<string, object> = new Map(
  Object.entries({
    checkoutImage,
    developmentModelVersion,
    deployment: releaseOutcome,
    deploymentIntent,
    modelReady,
    modelRecorder,
    modelVersion,
    patchSync,
    pipelineRun: stateJob,
    platformSchema,
    releaseRetention,
    releaseState,
    predictionTables,
    rolloutTraffic,
    secretValue,
    smokeTest,
    trussImage,
    zooMigration,
    zooRollout,
  }),
);

function handlerOf(kind: string): AnyHandler {
  const handler = handlers.get(kind);
  if (!handler)
    throw new Error(
      `the state has a resource of kind "${kind}", which this checkout has no handler for; use the version that made it`,
    );
  // The engine checks no types, and a state holds what an older version wrote.
  return handler as unknown as AnyHandler;
}

/** The key under which the host keeps the delegate's text among the properties. */
const providerKey = "__provider";

const dueKey = "due" satisfies keyof Due;

/** Without {@link Due}, which is of one run. */
function lasting(properties: Properties): Properties {
  const { [dueKey]: _, ...others } = own(properties);
  return others;
}

function own(properties: Properties): Properties {
  const { [providerKey]: _, ...others } = properties;
  return others;
}

/** Provider of a kind, as the host of dynamic providers calls it. */
export function delegateOf(kind: string): dynamic.ResourceProvider {
  return {
    check: (olds, news) => check(kind, olds, news),
    diff: (id, olds, news) => diff(kind, id, olds, news),
    create: (inputs) => told(create(kind, inputs)),
    read: (id, props) => read(kind, id, props),
    update: (id, olds, news) => told(update(kind, id, olds, news)),
    delete: (id, props) => told(remove(kind, id, props)),
  };
}

/** With the environment in the commands that a sentence names; read at call time. */
function told<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    if (error instanceof OperatorError) {
      error.message = inEnvironment(error.message, process.env.MENAGERIE_ENVIRONMENT);
    }
    throw error;
  });
}

// The functions below are called by name from states of before `delegateOf`.

export async function check(kind: string, _olds: Properties, news: Properties): Promise<dynamic.CheckResult> {
  const handler = handlerOf(kind);
  const failures = (await handler.check?.(own(news))) ?? [];
  const completed = failures.length === 0 ? await handler.complete?.(own(news)) : undefined;
  return { inputs: { ...news, ...completed }, failures: [...failures] };
}

export async function diff(kind: string, id: string, olds: Properties, news: Properties): Promise<dynamic.DiffResult> {
  const { isChanged, replaces } = changesOf(handlerOf(kind).inputs, olds, news);
  if (replaces.length === 0) serving.add(`${kind} ${id}`);
  else serving.delete(`${kind} ${id}`);
  return { changes: isChanged || news[dueKey] === true, replaces };
}

export async function create(kind: string, inputs: Properties): Promise<dynamic.CreateResult> {
  const made = await handlerOf(kind).create(lasting(inputs));
  serving.add(`${kind} ${made.id}`);
  return made;
}

/** What this run of the engine made, or keeps as the stack declares it: it has one process for all dynamic resources. */
const serving = new Set<string>();

/** An empty id tells the engine that the resource is gone. */
export async function read(kind: string, id: string, props: Properties): Promise<dynamic.ReadResult> {
  const handler = handlerOf(kind);
  const state = own(props);
  const found = handler.read ? await handler.read(id, state) : (await (handler.exists?.(id, state) ?? true)) && state;
  return found ? { id, props: { ...props, ...found } } : { id: "", props: {} };
}

export async function update(
  kind: string,
  id: string,
  olds: Properties,
  news: Properties,
): Promise<dynamic.UpdateResult> {
  return { outs: await handlerOf(kind).update(id, own(olds), lasting(news)) };
}

export async function remove(kind: string, id: string, props: Properties): Promise<void> {
  // A replacement is made before what it replaces is deleted, in a later run where this one was cut off between the two. Where both are
  // one row, as with `--replace`, that row serves now.
  if (serving.has(`${kind} ${id}`)) return;
  await handlerOf(kind).delete?.(id, own(props));
}
