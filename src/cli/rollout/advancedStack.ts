import { changesNothing, type PreviewStep, shortType } from "../../domain/preview/preview.ts";
import { localStack } from "../../local/localStack.ts";
import { existingEnvironment } from "../options.ts";
import { readStack } from "../stackText.ts";
import { type Agreement, agreedUp } from "../up/agreedUp.ts";
import { declaredIn, environmentConfig } from "../up/declaredModels.ts";
import { plainUp } from "../up/engineOperation.ts";
import { ownEngine, withKnownState } from "../up/ownStack.ts";
import { previewOf } from "../up/previewedStack.ts";
import type { StackEngine } from "../up/stackEngine.ts";
import { objectsOfEnvironment, objectsOfStack } from "../up/stackObjects.ts";

/** A stack as an advance runs it: always by the file as it is at that moment. */
export interface AdvancedStack {
  /** What an `up` would change, each as people say it, such as `core/v1:Secret login`; nothing where all is as declared. */
  pending(signal: AbortSignal): Promise<readonly string[]>;
  /** Runs `up`, which asks nobody: what nobody has agreed to ends it with exit code 3. Answers the engine's exit code. */
  up(signal: AbortSignal): Promise<number>;
}

/** Of an embedded environment, or of the user's own engine and backend where the stack is another one. */
export function advancedStack(stack: string, environment: string): AdvancedStack {
  const open = async (signal: AbortSignal) =>
    stack === localStack ? embedded(environment, signal) : own(stack, signal);
  return {
    async pending(signal) {
      const { engine } = await open(signal);
      const { steps } = await previewOf(engine, { args: plainUp.preview, signal });
      return steps.filter((step) => !changesNothing({ steps: [step] })).map(named);
    },
    async up(signal) {
      const { engine, agreement } = await open(signal);
      // Standard output may be for JSON.
      const run: StackEngine["run"] = async (args) => {
        const { code, stdout, stderr } = await engine.capture(args, signal);
        process.stderr.write(stdout + stderr);
        return code;
      };
      const code = await agreedUp({ ...engine, run }, agreement);
      signal.throwIfAborted();
      return code;
    },
  };
}

function named({ type, name }: PreviewStep): string {
  return `${shortType(type)} ${name}`;
}

interface Opened {
  readonly engine: StackEngine;
  readonly agreement: Agreement;
}

async function embedded(environment: string, signal: AbortSignal): Promise<Opened> {
  // It gives the engine the file of the checkout as it is now.
  const { layout, target, engine } = await existingEnvironment(environment);
  const config = await environmentConfig(layout);
  const objects = objectsOfEnvironment(target, engine, async () => config);
  return { engine, agreement: { ...objects, declared: declaredIn(config), yesDelete: [], mayAsk: false, signal } };
}

async function own(stack: string, signal: AbortSignal): Promise<Opened> {
  const { config } = (await readStack(stack)).reading;
  const engine = withKnownState(ownEngine(stack, signal));
  const objects = objectsOfStack(engine, config, () => engine.resources(signal));
  return { engine, agreement: { ...objects, declared: declaredIn(config), yesDelete: [], mayAsk: false, signal } };
}
