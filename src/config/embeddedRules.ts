import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { keyPath } from "./sentences.ts";
import { shadowedModels } from "./shadowRules.ts";

type Served = Pick<ParsedEnvironment, "zoo" | "development" | "shadows" | "serving">;

/** What a stack asks for that the embedded environment does not have. Its API server knows Knative's kinds, and nothing acts on them. */
export function embeddedIssues({ zoo, development, shadows, serving }: Served): Refusal[] {
  const models = [
    ...Object.entries(zoo).map(([name, { mode }]) => ({ key: keyPath(["zoo", name, "mode"]), mode })),
    ...Object.entries(development).map(([name, { mode }]) => ({ key: keyPath(["development", name, "mode"]), mode })),
    ...shadowedModels(shadows).map(({ path, mode }) => ({ key: keyPath([...path, "mode"]), mode })),
  ];
  const own = models.filter(({ mode }) => mode === "Knative").map(({ key }) => key);
  const inherits = serving.mode === "Knative" && models.some(({ mode }) => mode === undefined);
  return [...(inherits ? [keyPath(["serving", "mode"])] : []), ...own].map((key) =>
    refusal("model.knative-embedded", key),
  );
}
