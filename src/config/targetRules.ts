import { counted } from "../domain/counted.ts";
import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import { fewestPods, metricOf, needsCounters } from "../domain/serving/scaleTarget.ts";
import type { DeploymentMode } from "../domain/serving/servedModel.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { keyPath } from "./sentences.ts";
import { shadowedModels } from "./shadowRules.ts";

type Given = ParsedEnvironment["zoo"][string]["replicas"];

/** Targets that no autoscaler could keep, as far as the config tells. */
export function targetIssues({ zoo, shadows, serving, prometheus }: ParsedEnvironment): Refusal[] {
  const models = [
    ...Object.entries(zoo).map(([name, { replicas, mode }]) => ({ path: ["zoo", name], replicas, mode })),
    ...shadowedModels(shadows).map(({ path, model, mode }) => ({ path, replicas: model.replicas, mode })),
  ];
  // The noise floor's second primary runs in Standard mode, whatever the primary's is.
  const copies = Object.entries(shadows).flatMap(
    ([
      name,
      {
        noiseFloor,
        primary: { replicas },
      },
    ]) => (noiseFloor ? [{ path: ["shadows", name, "primary"], replicas, mode: "Standard" as const }] : []),
  );
  const own = models.flatMap(({ path, replicas, mode = serving.mode }) => [
    ...modeIssues(path, replicas, mode),
    ...(prometheus ? [] : counterIssues(path, replicas, mode)),
  ]);
  const others = prometheus ? [] : copies.flatMap(({ path, replicas, mode }) => counterIssues(path, replicas, mode));
  return [...new Map([...own, ...others].map((each) => [each.message, each])).values()];
}

function modeIssues(path: readonly string[], { min, max, target }: Given, mode: DeploymentMode): Refusal[] {
  if (!target) return [];
  const most = max ?? Math.max(min, 1);
  const fewest = fewestPods(mode, { min });
  const issues: Refusal[] = [];
  // `max` below `min` is another mistake.
  if (most === fewest) {
    const key = keyPath([...path, "replicas", "max"]);
    const pods = counted(fewest, "pod");
    issues.push(
      refusal("model.target-fixed", keyPath([...path, "replicas", "target"]), { pods, key, more: fewest + 1 }),
    );
  }
  if (mode === "Knative" && target.cpu !== undefined) {
    issues.push(refusal("model.target-knative-cpu", keyPath([...path, "replicas", "target", "cpu"])));
  }
  return issues;
}

function counterIssues(path: readonly string[], { min, max = min, target }: Given, mode: DeploymentMode): Refusal[] {
  const { metric = "cpu" } = metricOf(target) ?? {};
  if (!needsCounters({ mode, replicas: { min, max, target } })) return [];
  return [refusal("model.target-without-prometheus", keyPath([...path, "replicas", "target", metric]), { metric })];
}
