import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { keyPath } from "./sentences.ts";

/** Variables of a release's environment that its state is found by. */
const ofRelease = /^(VERSION|DATABASE_SCHEMA|DATABASE_URL|API_URL|PG[A-Z]+)$/;

/** Mistakes in pipelines that no single key shows, but those of their pools. */
export function pipelineIssues({ state, nodeClass }: Pick<ParsedEnvironment, "state" | "nodeClass">): Refusal[] {
  return Object.entries(state?.pipelines ?? {}).flatMap(([name, pipeline]) => {
    const at = (...rest: PropertyKey[]) => keyPath(["state", "pipelines", name, ...rest]);
    const issues: Refusal[] = [];
    if (pipeline.image !== undefined && pipeline.folder !== undefined) {
      issues.push(refusal("pipeline.two-sources", at("folder")));
    }
    if (pipeline.image === undefined && nodeClass !== "local") {
      issues.push(refusal("pipeline.image-missing", at("image")));
    } else if (pipeline.image === undefined && pipeline.folder === undefined) {
      issues.push(refusal("pipeline.no-code", at()));
    }
    if (pipeline.schedule !== undefined && pipeline.afterModels) {
      issues.push(refusal("pipeline.two-triggers", at("afterModels")));
    }
    for (const variable of Object.keys(pipeline.env)) {
      if (ofRelease.test(variable)) {
        issues.push(refusal("model.env-reserved", at("env", variable), { who: "the release" }));
      }
    }
    return issues;
  });
}
