import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import { shapeOf } from "../domain/release/scheme.ts";
import { modelNameIssue } from "../domain/release/tag.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { keyPath } from "./sentences.ts";

/** Mistakes between the keys that releases are named by. */
export function releaseIssues({
  versioning,
  models,
  zoo,
}: Pick<ParsedEnvironment, "versioning" | "models" | "zoo">): Refusal[] {
  const issues: Refusal[] = [];
  for (const [name, { version, mlflow }] of Object.entries(models)) {
    const at = (...rest: PropertyKey[]) => keyPath(["models", name, ...rest]);
    if (version === undefined && !mlflow) {
      issues.push(refusal("release.model-without-version", at()));
    }
    if (version !== undefined && mlflow) {
      issues.push(refusal("release.two-versions", at("version")));
    }
    if (mlflow && (mlflow.version === undefined) === (mlflow.alias === undefined)) {
      issues.push(refusal("release.mlflow-which", at("mlflow")));
    }
  }
  if (shapeOf(versioning.scheme) !== "combined") return issues;
  const named = [
    ...Object.keys(models).map((name) => ["models", name] as const),
    ...Object.entries(zoo)
      .filter(([name, { phase }]) => phase !== "off" && !models[name])
      .map(([name]) => ["zoo", name] as const),
  ];
  for (const [key, name] of named) {
    const issue = modelNameIssue(name);
    if (issue) issues.push(refusal("release.name", keyPath([key, name]), issue));
  }
  return issues;
}
