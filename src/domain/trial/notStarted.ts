import { OperatorError } from "../errors.ts";
import { refuse } from "./refusals.ts";

/** A model that did not become ready. */
export interface ModelNotStarted {
  readonly model: string;
  /** Such as `its container ended with exit code 1, 3 times`. */
  readonly reason: string;
  /** The last lines of its log; empty where it wrote none. */
  readonly log: string;
}

/** Models of a combination that did not become ready, when it was brought up. */
export class ModelsNotStarted extends OperatorError {
  readonly models: readonly ModelNotStarted[];

  constructor(models: readonly ModelNotStarted[]) {
    super(models.flatMap(({ model, reason, log }) => sentences(model, reason, log).refusals));
    this.models = models;
  }
}

function sentences(model: string, reason: string, log: string): OperatorError {
  const indented = log.trimEnd().replaceAll(/^/gm, "  ");
  return refuse("trial.not-started", { model, reason, log: indented.trim() === "" ? "" : `\n${indented}` });
}
