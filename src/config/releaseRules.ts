import { shapeOf } from "../domain/release/scheme.ts";
import { modelNameMistake } from "../domain/release/tag.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { keyPath } from "./sentences.ts";

/** Mistakes between the keys that releases are named by. */
export function releaseMistakes({
  versioning,
  models,
  zoo,
}: Pick<ParsedEnvironment, "versioning" | "models" | "zoo">): string[] {
  const mistakes: string[] = [];
  for (const [name, { version, mlflow }] of Object.entries(models)) {
    const at = (...rest: PropertyKey[]) => keyPath(["models", name, ...rest]);
    if (version === undefined && !mlflow) {
      mistakes.push(`${at()}: has no version; write {version: 42} or {mlflow: {alias: champion}}`);
    }
    if (version !== undefined && mlflow) {
      mistakes.push(`${at("version")}: MLflow says the version of this model; remove one of the two`);
    }
    if (mlflow && (mlflow.version === undefined) === (mlflow.alias === undefined)) {
      mistakes.push(`${at("mlflow")}: give either version or alias, such as {alias: champion}`);
    }
  }
  if (shapeOf(versioning.scheme) !== "combined") return mistakes;
  const named = [
    ...Object.keys(models).map((name) => ["models", name] as const),
    ...Object.entries(zoo)
      .filter(([name, { phase }]) => phase !== "off" && !models[name])
      .map(([name]) => ["zoo", name] as const),
  ];
  for (const [key, name] of named) {
    const mistake = modelNameMistake(name);
    if (mistake) mistakes.push(`${keyPath([key, name])}: ${mistake}`);
  }
  return mistakes;
}
