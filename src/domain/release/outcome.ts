import { type DeployedModel, onePerModel } from "./observed.ts";

/**
 * How an intent ended.
 *
 * - `deployed`: what was intended is served.
 * - `mixed`: the environment changed, and is not as intended.
 * - `unchanged`: what was served before still is.
 */
export type Outcome = "deployed" | "mixed" | "unchanged";

export interface Judgement {
  readonly outcome: Outcome;
  /** Why it is not simply deployed, in a sentence. */
  readonly reason: string | null;
}

/**
 * Judges an `up` that came to its end: what it was to serve must be served. The engine deletes what is no longer declared
 * after everything else, so that may still be there; `served` is without it.
 *
 * @param observed - of a model with several routes, what each leads to: the one that was planned stays
 */
export function judgeEnd(
  planned: readonly DeployedModel[],
  observed: readonly DeployedModel[],
): { readonly judgement: Judgement; readonly served: readonly DeployedModel[] } {
  const declared = new Map(planned.map((model) => [model.name, model]));
  const isPlanned = (model: DeployedModel) => drift([declared.get(model.name) ?? model], [model]).length === 0;
  const those = observed.filter(({ name }) => declared.has(name));
  const asPlanned = new Set(those.filter(isPlanned).map(({ name }) => name));
  const served = onePerModel(those.filter((model) => isPlanned(model) || !asPlanned.has(model.name)));
  const differences = drift(planned, served);
  if (differences.length === 0) return { judgement: { outcome: "deployed", reason: null }, served };
  return { judgement: { outcome: "mixed", reason: differences.join(", ") }, served };
}

/**
 * Judges an `up` that never came to its end, by what is served.
 * @param previous what was served before it began; undefined for the environment's first
 */
export function judgeInterrupted(
  planned: readonly DeployedModel[],
  previous: readonly DeployedModel[] | undefined,
  observed: readonly DeployedModel[],
): Judgement {
  const ahead = drift(planned, observed);
  const back = drift(previous ?? [], observed);
  if (ahead.length > 0) {
    return back.length === 0
      ? { outcome: "unchanged", reason: "the `up` did not come to its end, and no model changed" }
      : { outcome: "mixed", reason: `the \`up\` did not come to its end: ${ahead.join(", ")}` };
  }
  if (previous === undefined || back.length > 0) {
    return { outcome: "deployed", reason: "the `up` did not come to its end; all models are as intended" };
  }
  return {
    outcome: "mixed",
    reason: "the `up` did not come to its end: models are as before, other things may have changed",
  };
}

/** How what is served differs from a record of it, in lines such as `iris: v1 instead of v2`; none when it does not. */
export function drift(recorded: readonly DeployedModel[], observed: readonly DeployedModel[]): string[] {
  const expected = new Map(recorded.filter(({ service }) => service !== null).map((model) => [model.name, model]));
  const found = new Map(observed.map((model) => [model.name, model]));
  const lines: string[] = [];
  for (const name of [...new Set([...expected.keys(), ...found.keys()])].sort()) {
    const [want, have] = [expected.get(name), found.get(name)];
    if (!want && have) lines.push(`${name}: ${shown(have)} is served and not recorded`);
    else if (want && !have) lines.push(`${name}: ${shown(want)} is not served`);
    else if (want && have && want.service !== have.service)
      lines.push(`${name}: ${shown(have)} instead of ${shown(want)}`);
    else if (want && have && want.hash !== have.hash) lines.push(`${name}: another content of ${shown(want)}`);
    else if (want?.digest && have?.digest && want.digest !== have.digest) {
      lines.push(`${name}: another image of ${shown(want)}`);
    }
  }
  return lines;
}

function shown({ version, service }: DeployedModel): string {
  return version === null ? (service ?? "a model") : `v${version}`;
}
