import type { KubeConfig } from "@kubernetes/client-node";
import { Command } from "commander";
import { type DriftedObject, readDrift, takeBack } from "../../adapters/kubernetes/drift.ts";
import { kubeConfigOf } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { counted } from "../../domain/counted.ts";
import { declaredObjects } from "../../domain/drift/declaredObjects.ts";
import { describeDrift } from "../../domain/drift/describe.ts";
import { messageOf } from "../../domain/errors.ts";
import { interruptible } from "../interrupt.ts";
import { environmentOption, existingEnvironment, jsonOption } from "../options.ts";
import { exportedResources } from "../up/exportedState.ts";
import { ownEngine } from "../up/ownStack.ts";
import type { EngineCommands } from "../up/stackEngine.ts";
import { clusterOfState } from "../up/stackObjects.ts";
import { refuse } from "./refusals.ts";

interface DriftOptions {
  readonly environment: string;
  readonly stack?: string;
  readonly restore: boolean;
  readonly json: boolean;
}

export function driftCommand(): Command {
  return new Command("drift")
    .addOption(environmentOption())
    .option("-s, --stack <name>", "a stack of your own Pulumi CLI, backend and kubeconfig")
    .option("--restore", "restore each object to what the stack declares", false)
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExit codes: 0 nothing differs, or all of it was restored; 3 something differs; 1 it cannot be restored.",
    )
    .action((options: DriftOptions) =>
      interruptible("run it again to see what is left", (signal) => drift(options, signal)),
    );
}

async function drift(options: DriftOptions, signal: AbortSignal): Promise<void> {
  const { engine, cluster } = await stackOf(options, signal);
  // With secrets, whose fields have owners too: the values stay in memory.
  const resources = await exportedResources(engine, signal, "marked");
  const [config, objects] = [await cluster(resources), declaredObjects(resources)];
  const drifted = await readDrift(config, objects, signal);
  if (options.json) console.log(JSON.stringify(drifted.map(shownDrift), null, 2));
  else
    console.log(
      drifted.length > 0
        ? drifted.map(describe).join("\n")
        : `${counted(objects.length, "object")} ${objects.length === 1 ? "is" : "are"} as declared`,
    );
  if (drifted.length === 0) return;
  const different = drifted.filter(({ live, fields }) => !live || fields.some(({ kind }) => kind !== "held"));
  if (!options.restore) {
    if (different.length > 0) throw refuse("drift.found", { drifted: different.length, all: objects.length });
    console.error("all are as declared; --restore takes back what others hold, so that it can be changed");
    return;
  }
  await restore(config, drifted, signal);
}

/** One after another, so that an interrupted run has restored whole objects. */
async function restore(config: KubeConfig, drifted: readonly DriftedObject[], signal: AbortSignal): Promise<void> {
  const failed: string[] = [];
  for (const each of drifted) {
    signal.throwIfAborted();
    // Namespaces before what is in them, and waits: the engine knows the order.
    if (!each.live) failed.push(`${each.object.what} is deleted: \`menagerie up\` makes it again`);
    else
      await takeBack(config, each.object, signal).catch((error) =>
        failed.push(`${each.object.what}: ${messageOf(error)}`),
      );
  }
  const left = await readDrift(
    config,
    drifted.filter(({ live }) => live).map(({ object }) => object),
    signal,
  );
  const still = left.filter(({ object }) => !failed.some((text) => text.startsWith(`${object.what}:`)));
  failed.push(
    ...still.map(
      (each) => `${describe(each)}\n  was restored and is changed again: somebody or something goes on writing it`,
    ),
  );
  if (failed.length > 0) throw refuse("drift.not-restored", { failed: failed.join("\n") });
  console.error(`${drifted.length === 1 ? "1 object is" : `${drifted.length} objects are`} as declared again`);
}

async function stackOf(
  { stack, environment }: DriftOptions,
  signal: AbortSignal,
): Promise<{ engine: Pick<EngineCommands, "capture">; cluster: typeof clusterOfState }> {
  if (stack !== undefined) return { engine: ownEngine(stack, signal), cluster: clusterOfState };
  const { engine, target } = await existingEnvironment(environment);
  return { engine, cluster: async () => kubeConfigOf(target.kubeconfig) };
}

function describe(drifted: DriftedObject): string {
  const { object, live, fields } = drifted;
  if (!live) return `${object.what}: deleted`;
  return [object.what, ...fields.map((field) => `  ${describeDrift(field, object.kind === "Secret")}`)].join("\n");
}

function shownDrift(drifted: DriftedObject) {
  const { object, live, fields } = drifted;
  const { apiVersion, kind, name, namespace = null } = object;
  const texts = fields.map((field) => ({
    kind: field.kind,
    text: describeDrift(field, kind === "Secret"),
    by: field.by?.manager ?? null,
    at: field.by?.time ?? null,
  }));
  return { apiVersion, kind, name, namespace, deleted: live === undefined, fields: texts };
}
