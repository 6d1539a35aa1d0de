import { isMapping } from "../mapping.ts";
import { serviceOfHost } from "../serving/activator.ts";
import { routeKindOf } from "../serving/observedRoute.ts";
import { gpusPerReplica } from "./gpus.ts";
import { isDynamic, type Preview, type PreviewStep, shortType } from "./preview.ts";
import { metadataOf, usedBy, usersOf } from "./users.ts";

/** Something that answers requests or holds data, and that a run deletes or replaces. */
export interface Removal {
  readonly urn: string;
  readonly op: "delete" | "replace";
  /** What a person agrees to with `--yes-delete`: the model's name, else the resource's. */
  readonly name: string;
  /** Such as `InferenceService iris-v2`. */
  readonly what: string;
  /** What it does to those who use it: a sentence without its stop. */
  readonly effect: string;
  /** Inputs that force the replacement. */
  readonly replacedBy: readonly string[];
  /** Whether neither an edit of the config nor the command names it, so that a person has to. */
  readonly asked: boolean;
}

/** What the config says is there: whoever wrote that agreed to what follows from it. */
export interface DeclaredModels {
  readonly zoo: readonly string[];
  readonly development: readonly string[];
  readonly shadows: readonly string[];
}

const componentsOf = {
  zoo: "menagerie:zoo:ModelZooEntry",
  development: "menagerie:development:DevelopmentVersion",
  shadows: "menagerie:shadow:ShadowDeployment",
} as const satisfies Record<keyof DeclaredModels, string>;

/** Models whose components are there after the run that a preview shows. */
export function keptModels({ steps }: Pick<Preview, "steps">): DeclaredModels {
  const kept = steps.filter(({ op }) => op !== "delete");
  const names = (of: string): string[] => kept.filter(({ type }) => type === of).map(({ name }) => name);
  const { zoo, development, shadows } = componentsOf;
  return { zoo: names(zoo), development: names(development), shadows: names(shadows) };
}

/**
 * Everything that a run would take from those who use it, in the order of the preview. What is protected is among it, whatever it
 * is; what the cluster or the database keeps is not.
 * @param named URNs that the command itself names, as by `--replace`
 */
export function removals(
  { steps }: Pick<Preview, "steps">,
  declared: DeclaredModels,
  named: readonly string[] = [],
): Removal[] {
  return steps.flatMap((step) => {
    if (isDynamic(step, "ReleaseRetention") && step.op !== "same") return retiredStates(step);
    if ((step.op !== "delete" && step.op !== "replace") || step.before?.retainOnDelete) return [];
    const { urn, op } = step as RemovalStep;
    const judged =
      judge(step as RemovalStep, steps, declared) ?? (step.before?.protect ? protectedOf(step) : undefined);
    if (!judged) return [];
    const what = `${shortType(step.type).split(":").at(-1)} ${nameOf(step)}`;
    const removal = { urn, op, what, replacedBy: step.replacedBy, ...judged };
    const effect = `${judged.effect}${usedBy(usersOf(step, steps))}`;
    return [{ ...removal, effect, asked: judged.asked && !named.includes(urn) }];
  });
}

/** States of releases, which go by how many the config keeps. */
function retiredStates({ urn, after }: PreviewStep): Removal[] {
  const schemas = Array.isArray(after?.inputs.retire) ? after.inputs.retire.map(String) : [];
  const effect = "the state of this release is dropped, for the config keeps no more";
  return schemas.map((name) => {
    return { urn, op: "delete", name, what: `state ${name}`, effect, replacedBy: [], asked: false };
  });
}

/** Those whose names a person has not given; names that stand for nothing are the second part. */
export function unagreed(list: readonly Removal[], names: readonly string[]) {
  const asked = list.filter((each) => each.asked);
  return {
    asked: asked.filter(({ name }) => !names.includes(name)),
    unknown: names.filter((name) => !list.some((each) => each.name === name)),
  };
}

export function describeRemoval({ op, what, effect, asked }: Removal): string {
  return `${asked ? "" : "(named by the config or the command) "}${op} ${what}: ${effect}`;
}

type RemovalStep = PreviewStep & { readonly op: Removal["op"] };
type Judged = Pick<Removal, "name" | "effect" | "asked">;

function protectedOf(step: PreviewStep): Judged {
  return { name: nameOf(step), asked: true, effect: "it is protected" };
}

function judge(step: RemovalStep, steps: readonly PreviewStep[], declared: DeclaredModels): Judged | undefined {
  const { type, op } = step;
  // A component such as menagerie:serving:InferenceService is told by its objects.
  if (!/^(kubernetes|postgresql):/.test(type)) return undefined;
  if (type.endsWith(":InferenceService")) return ofModel(step, declared, serviceEffect(step, steps));
  if (routeKindOf(type)) {
    const moved = op === "delete" ? successorOf(step, steps) : undefined;
    // The config's `gateway.api` names it, of whatever model it is.
    if (moved) return { ...ofModel(step, declared, moved), asked: false };
    return ofModel(
      step,
      declared,
      op === "delete" ? "requests to its address get 404" : "requests to it fail for a moment",
    );
  }
  const name = nameOf(step);
  if (type === "kubernetes:core/v1:Namespace") return { name, asked: true, effect: "everything in it is deleted" };
  if (/^postgresql:.*:(Database|Schema)$/.test(type)) return { name, asked: true, effect: "its data is deleted" };
  if (/:(PostgresCluster|PersistentVolumeClaim)$/.test(type))
    return { name, asked: true, effect: "its data may be deleted" };
  if (type.endsWith(":NodePool")) return { name, asked: true, effect: "its nodes end, and the pods on them" };
  // It goes with its InferenceService, which is told, or after the route that led to it leads elsewhere.
  if (type === "kubernetes:core/v1:Service" && serviceOfHost(name) !== undefined) return undefined;
  if (/^kubernetes:(core\/v1:Service|apps\/v1:(Deployment|StatefulSet))$/.test(type)) {
    const effect =
      op === "delete" ? "nothing answers there any more" : "requests fail from its deletion until it is made again";
    return { name, asked: true, effect };
  }
  return undefined;
}

/** What becomes of requests where the same run makes the same route of the other kind, for another API of the gateway. */
function successorOf(step: RemovalStep, steps: readonly PreviewStep[]): string | undefined {
  const [name, namespace] = [nameOf(step), namespaceOf(step)];
  const divided = steps
    .filter((each) => isDynamic(each, "RolloutTraffic") && each.op !== "delete")
    .map(({ after }) => after?.inputs.route)
    .some((route) => isMapping(route) && route.name === name && route.namespace === namespace);
  if (divided) return "the one that divides its requests between two versions is served first";
  const successor = steps.find(
    ({ op, type, after }) =>
      op !== "delete" &&
      routeKindOf(type) &&
      type !== step.type &&
      metadataOf(after).name === name &&
      metadataOf(after).namespace === namespace,
  );
  if (!successor) return undefined;
  return `its ${routeKindOf(successor.type)} is served first, at the address of its own Gateway; requests to another address than that get 404`;
}

/** A removal that follows from what the config says of the model is the model's own edit; that of the whole model is not. */
function ofModel(step: RemovalStep, { zoo, development, shadows }: DeclaredModels, effect: string): Judged {
  const label = labelOf(step, "menagerie.dev/model");
  // The platform's own route has none.
  const model = label ?? nameOf(step);
  const kind = labelOf(step, "menagerie.dev/kind");
  const isDeclared = { zoo: zoo.includes(model.replace(/_copy$/, "")), shadow: shadows.includes(model) };
  const named =
    kind === "development"
      ? development.includes(model)
      : (step.op === "delete" || answersThroughout(step) || gpusPerReplica(step.before) > 0) &&
        (kind === "shadow" ? isDeclared.shadow : isDeclared.zoo);
  const whole = !named && step.op === "delete" && label !== undefined ? `${model} is not in the config any more: ` : "";
  return { name: model, asked: !named, effect: `${whole}${effect}` };
}

function serviceEffect(step: RemovalStep, steps: readonly PreviewStep[]): string {
  if (step.op === "delete") return "predictions that it answers end";
  const moved = moveOf(step);
  if (moved) return moved;
  if (answersThroughout(step)) return "the old one answers until the new one does";
  const ready = steps.find((each) => isDynamic(each, "ModelReady") && each.name === step.name)?.after?.inputs;
  const limit = typeof ready?.timeoutSeconds === "number" ? `, for at most ${ready.timeoutSeconds} s` : "";
  return `predictions fail from its deletion until the new one answers${limit}`;
}

/** To another namespace or cluster, which the model's address does not survive. */
function moveOf(step: RemovalStep): string | undefined {
  const [from, to] = [namespaceOf(step), namespaceOf({ ...step, before: step.after })];
  if (from !== undefined && to !== undefined && from !== to) {
    return `it moves from namespace ${from} to ${to}: its address /serving/${from}/… ends, and predictions and apps fail until it answers there`;
  }
  if (step.replacedBy.includes("provider")) {
    return "its cluster is another one: clients of the old gateway get no answer, and predictions and apps fail until it answers there";
  }
  return undefined;
}

/** Whether the new object has another name, so that both exist for a while. */
function answersThroughout({ before, after }: PreviewStep): boolean {
  const [old, fresh] = [metadataOf(before), metadataOf(after)];
  return after !== undefined && old.name !== fresh.name && old.namespace === fresh.namespace;
}

function namespaceOf({ before }: Pick<PreviewStep, "before">): string | undefined {
  return metadataOf(before).namespace;
}

function labelOf({ before }: PreviewStep, label: string): string | undefined {
  return metadataOf(before).labels?.[label];
}

function nameOf({ before, name }: PreviewStep): string {
  const given = metadataOf(before).name ?? before?.inputs.name;
  return typeof given === "string" ? given : name;
}
