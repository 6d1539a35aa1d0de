import type { EnvironmentSpec } from "../config/environment.ts";
import { type DepartedModel, departureLines, moveLines, type NewModel } from "../domain/zoo/departures.ts";
import { copyName, copySuffix } from "../domain/zoo/plan.ts";
import type { LastOutputs, PlatformPlan } from "./platform.ts";

export interface DepartureSources {
  readonly platform: Pick<PlatformPlan, "basis" | "registry"> | undefined;
  /** Content hash by truss folder. */
  readonly hashes: ReadonlyMap<string, string>;
  readonly lastOutputs: LastOutputs;
}

/**
 * Says what happens to predictions and apps of models that the last `up` served and the stack declares no longer, or in another
 * namespace or cluster. Apps are counted by the database where it was asked.
 */
export function plannedDepartures(
  spec: Pick<
    EnvironmentSpec,
    "zoo" | "development" | "shadows" | "namespace" | "kubeContext" | "modelZooDeploymentAutomationEnabled"
  >,
  { platform, hashes, lastOutputs: { models = {}, kubeContext: lastContext } }: DepartureSources,
): string[] {
  const before = Object.entries(models).filter(([name]) => !name.endsWith(copySuffix));
  const names = { zoo: spec.zoo, development: spec.development, shadow: spec.shadows };
  const appsOf = (name: string): number | undefined => {
    const versions = platform?.basis === "read" ? platform.registry.versions.get(name) : undefined;
    const copies = platform?.registry.versions.get(copyName(name)) ?? [];
    return versions && [...versions, ...copies].reduce((sum, { apps }) => sum + apps, 0);
  };
  const departed = before.flatMap(([name, { kind, namespace, truss, hash }]): DepartedModel[] => {
    if (!kind || namespace === undefined || truss === undefined || Object.hasOwn(names[kind], name)) return [];
    // What is not automated stays as it is.
    if (kind === "zoo" && !spec.modelZooDeploymentAutomationEnabled) return [];
    return [{ name, kind, namespace, truss, hash, apps: kind === "zoo" ? appsOf(name) : undefined }];
  });
  const arrived = Object.entries({ ...spec.zoo, ...spec.development }).flatMap(([name, { truss }]): NewModel[] =>
    Object.hasOwn(models, name) ? [] : [{ name, truss, hash: hashes.get(truss) }],
  );
  const [first] = before.flatMap(([, { namespace }]) => namespace ?? []);
  const zoo = before.filter(([, { kind }]) => kind === "zoo").map(([name]) => appsOf(name));
  const apps = zoo.every((each) => each !== undefined) ? zoo.reduce((sum, each) => sum + each, 0) : undefined;
  const { namespace, kubeContext: context = null } = spec;
  // An `up` of an earlier version did not say where it was.
  const from = { namespace: first ?? namespace, context: lastContext === undefined ? context : lastContext };
  const moved = first === undefined ? [] : moveLines(from, { namespace, context }, apps);
  return [...departureLines(departed, arrived), ...moved];
}
