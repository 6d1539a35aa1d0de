import { stepsBesideEntry } from "../../domain/preview/besideEntry.ts";
import { changesNothing, type Preview, type PreviewStep, shortType } from "../../domain/preview/preview.ts";
import { refuseAdvance } from "../../domain/zoo/advanceRefusals.ts";
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
  /**
   * Runs `up` of an edit of one model's entry, which asks nobody. Answers the engine's exit code.
   * @throws OperatorError with exit code 3, and nothing done, where the plan holds what the edit does not explain, or what nobody has agreed to
   */
  up(model: string, signal: AbortSignal): Promise<number>;
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
    async up(model, signal) {
      const { engine, agreement } = await open(signal);
      // Standard output may be for JSON.
      const run: StackEngine["run"] = async (args) => {
        const { code, stdout, stderr } = await engine.capture(args, signal);
        process.stderr.write(stdout + stderr);
        return code;
      };
      const onlyThis = (preview: Preview): void => refuseOthers(stepsBesideEntry(model, preview).map(named));
      const code = await agreedUp({ ...engine, run }, { ...agreement, onlyThis });
      signal.throwIfAborted();
      return code;
    },
  };
}

/** @throws OperatorError, with exit code 3, where a preview holds changes beside the step of an advance */
export function refuseOthers(changes: readonly string[]): void {
  if (changes.length === 0) return;
  const more = changes.length > 10 ? ` and ${changes.length - 10} more` : "";
  throw refuseAdvance("advance.other-changes", { changes: `${changes.slice(0, 10).join(", ")}${more}` });
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
