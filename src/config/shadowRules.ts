import { identifierIssue, longNameIssue, serviceNames } from "../domain/generatedNames.ts";
import { carriesSecret } from "../domain/recording/storedHeaders.ts";
import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import { shadowPort } from "../domain/serving/activator.ts";
import type { DeploymentMode } from "../domain/serving/servedModel.ts";
import { noiseSide, primarySide, shadowSchema, shadowService } from "../domain/shadow/names.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { show } from "./fields.ts";
import { idleIssues } from "./idleRules.ts";
import { keyPath } from "./sentences.ts";

type Shadows = ParsedEnvironment["shadows"];

/** What is asked of a shadow deployment, parsed or complete. */
interface Sides<Model, Primary> {
  readonly primary: Primary;
  readonly shadows: Readonly<Record<string, Model>>;
  readonly noiseFloor: boolean;
}

/** Every model of every shadow deployment, with the path of its key. */
export function shadowedModels<Model, Primary extends Model & { readonly mode?: DeploymentMode | undefined }>(
  shadows: Readonly<Record<string, Sides<Model, Primary>>>,
) {
  return Object.entries(shadows).flatMap(([name, { primary, shadows: others, noiseFloor }]) => [
    {
      path: ["shadows", name, "primary"],
      service: shadowService(name, primarySide),
      model: primary as Model | Primary,
      mode: primary.mode,
      // The noise floor's is the same model once more.
      copies: noiseFloor ? 2 : 1,
    },
    ...Object.entries(others).map(([side, model]) => ({
      path: ["shadows", name, "shadows", side],
      service: shadowService(name, side),
      model,
      mode: "Standard" as const,
      copies: 1,
    })),
  ]);
}

/**
 * Mistakes in shadow deployments that no single key shows. `models` are the keys of the other models, by their names in
 * Kubernetes.
 */
export function shadowIssues(
  { shadows, serving, namespace }: ParsedEnvironment,
  models: ReadonlyMap<string, string>,
): Refusal[] {
  return [
    ...nameIssues(shadows, models),
    ...lengthIssues(shadows, namespace, serving.mode),
    ...replicaIssues(shadows, serving.mode),
    ...portIssues(shadows, serving.mode),
    ...headerIssues(shadows),
  ];
}

function nameIssues(shadows: Shadows, models: ReadonlyMap<string, string>): Refusal[] {
  const issues: Refusal[] = [];
  const schemas = new Map<string, string>();
  for (const [name, { shadows: others }] of Object.entries(shadows)) {
    const at = (...rest: PropertyKey[]) => keyPath(["shadows", name, ...rest]);
    const model = models.get(name);
    if (model) issues.push(refusal("shadow.same-route", at(), { model, name: show(name) }));
    const sides = Object.keys(others);
    const own = sides.filter((side) => side !== primarySide && side !== noiseSide);
    if (sides.length === 0) issues.push(refusal("shadow.none", at("shadows")));
    for (const side of [primarySide, ...own]) {
      const key = side === primarySide ? at("primary") : at("shadows", side);
      const service = shadowService(name, side);
      const taken = models.get(service);
      if (taken) issues.push(refusal("name.taken", key, { name: service, other: taken }));
      const schema = shadowSchema(name, side);
      const other = schemas.get(schema);
      if (other) issues.push(refusal("shadow.same-schema", key, { schema, other }));
      schemas.set(schema, key);
    }
    for (const reserved of [primarySide, noiseSide]) {
      if (sides.includes(reserved)) {
        issues.push(refusal("shadow.reserved-name", at("shadows", reserved), { name: reserved }));
      }
    }
  }
  return issues;
}

/** Of both sides' names together: `<deployment>-<shadow>`. The noise floor's second primary runs in Standard mode too. */
function lengthIssues(shadows: Shadows, namespace: string, defaultMode: DeploymentMode): Refusal[] {
  const shorten = { key: keyPath(["namespace"]), length: namespace.length };
  return Object.entries(shadows).flatMap(([name, { primary, shadows: others, noiseFloor }]) => {
    const sides: (readonly [side: string, mode: DeploymentMode, path: readonly string[]])[] = [
      [primarySide, primary.mode ?? defaultMode, [primarySide]],
      ...Object.keys(others).map((side) => [side, "Standard", ["shadows", side]] as const),
      ...(noiseFloor ? [[noiseSide, "Standard", ["noiseFloor"]] as const] : []),
    ];
    return sides.flatMap(([side, mode, path]) => {
      const service = shadowService(name, side);
      const issue =
        longNameIssue(service, serviceNames({ namespace, mode, recorded: true }), shorten) ??
        identifierIssue(shadowSchema(name, side));
      return issue
        ? [
            refusal("name.too-long", keyPath(["shadows", name, ...path]), {
              problem: `${show(service)} ${issue.problem}`,
              fix: issue.fix,
            }),
          ]
        : [];
    });
  });
}

function replicaIssues(shadows: Shadows, mode: DeploymentMode): Refusal[] {
  const issues: Refusal[] = [];
  for (const { path, model, mode: own } of shadowedModels(shadows)) {
    const { min, max } = model.replicas;
    const at = (key: string) => keyPath([...path, "replicas", key]);
    if (max !== undefined && max < min) issues.push(refusal("model.replicas-order", at("max"), { max, min }));
    issues.push(...idleIssues(at, model.replicas, own ?? mode));
  }
  return issues;
}

/** The API service tells models that it wakes apart by their ports. */
function portIssues(shadows: Shadows, mode: DeploymentMode): Refusal[] {
  const issues: Refusal[] = [];
  const owners = new Map<number, string>();
  for (const { path, service, model, mode: own, copies } of shadowedModels(shadows)) {
    if (model.replicas.min > 0) continue;
    const [deployment = ""] = path.slice(1);
    const ofNoise = copies > 1 ? [shadowService(deployment, noiseSide)] : [];
    for (const each of [...((own ?? mode) === "Standard" ? [service] : []), ...ofNoise]) {
      const port = shadowPort(each);
      const other = owners.get(port);
      if (other)
        issues.push(refusal("shadow.same-port", keyPath([...path, "replicas", "min"]), { service: each, other }));
      owners.set(port, each);
    }
  }
  return issues;
}

function headerIssues(shadows: Shadows): Refusal[] {
  return Object.entries(shadows).flatMap(([name, { storeHeaders }]) =>
    storeHeaders.flatMap((header, index) =>
      carriesSecret(header)
        ? [refusal("shadow.header-secret", keyPath(["shadows", name, "storeHeaders", index]), { header: show(header) })]
        : [],
    ),
  );
}
