import { isEngineSecret } from "./engineSecret.ts";
import { refuse } from "./engineStateRefusals.ts";
import { isMapping } from "./mapping.ts";

/** A resource in the state of a stack, as far as anything here reads it (Pulumi 3.259: `apitype.ResourceV3`). */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string | undefined;
  /** URN of the component that it is a part of. */
  readonly parent?: string | undefined;
  /** URN and id of the provider that made it, joined by `::`. */
  readonly provider?: string | undefined;
  /** An object that the engine deletes because another took its place. */
  readonly delete?: boolean | undefined;
  /** The engine refuses to delete it, when it comes to it. */
  readonly protect?: boolean | undefined;
  /** Leaves the state alone. */
  readonly retainOnDelete?: boolean | undefined;
  /** Read, and not the stack's to delete. */
  readonly external?: boolean | undefined;
  readonly inputs?: Readonly<Record<string, unknown>> | undefined;
  readonly outputs?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * What becomes of secrets: `hidden` reads `[secret]`, as the engine shows them; `plain` is their value; `marked` is the engine's
 * own form, whose fields have a value in the clear as JSON text. Nothing of the last two may be printed or written.
 */
export type StateSecrets = "hidden" | "plain" | "marked";

/** Type of the stack itself, which is a resource among the others. */
export const stackType = "pulumi:pulumi:Stack";

/**
 * Resources of a stack, the stack itself among them, from what `pulumi stack export` prints or the file backend holds; none before
 * its first deployment.
 * @throws OperatorError for text that is no such state
 */
export function stateResources(text: string, secrets: StateSecrets): readonly StateResource[] {
  const state: unknown = parsed(text, secrets);
  const { deployment, checkpoint } = isMapping(state) ? state : {};
  const latest = deployment ?? (isMapping(checkpoint) ? checkpoint.latest : undefined);
  const resources = (isMapping(latest) ? latest.resources : undefined) ?? [];
  if (!isMapping(state) || !Array.isArray(resources) || !resources.every(isResource)) {
    throw refuse("state.other-form");
  }
  return resources;
}

/**
 * Outputs of a stack as its last run left them; none before the first. This is how whatever stands outside a stack's program reads them,
 * from the state that it has at hand; the program asks the engine, by `lastOutputs` of its run.
 */
export function outputsOfStack(resources: readonly StateResource[]): Readonly<Record<string, unknown>> {
  return resources.find(({ type, parent }) => type === stackType && !parent)?.outputs ?? {};
}

/**
 * The context of the kubeconfig that a stack's Kubernetes objects were made by, as the state's own provider has it: what the config says
 * holds from the next `up` on. Undefined for the kubeconfig's current one, and where there are no such objects.
 */
export function kubeContextOf(resources: readonly StateResource[]): string | undefined {
  const contexts = new Map(
    resources
      .filter(({ type }) => type === "pulumi:providers:kubernetes")
      .map(({ urn, id, inputs }) => [`${urn}::${id ?? ""}`, inputs?.context]),
  );
  const objects = resources.filter((each) => each.type.startsWith("kubernetes:") && !each.delete);
  const used = new Set(objects.map(({ provider = "" }) => contexts.get(provider)));
  if (used.size > 1) {
    const names = [...used].map((context) => (typeof context === "string" ? `"${context}"` : "the current context"));
    throw refuse("state.several-clusters", { names: names.join(" and ") });
  }
  const [context] = used;
  return typeof context === "string" ? context : undefined;
}

function parsed(text: string, secrets: StateSecrets): unknown {
  try {
    return JSON.parse(text, secrets === "marked" ? undefined : (_, value) => revealed(value, secrets));
  } catch (error) {
    throw refuse("state.cut-off", undefined, error);
  }
}

function revealed(value: unknown, secrets: Exclude<StateSecrets, "marked">): unknown {
  if (!isEngineSecret(value)) return value;
  if (secrets === "hidden") return "[secret]";
  return typeof value.plaintext === "string" ? JSON.parse(value.plaintext) : value;
}

function isResource(each: unknown): each is StateResource {
  const isOptionalMapping = (value: unknown) => value === undefined || isMapping(value);
  return (
    isMapping(each) &&
    typeof each.urn === "string" &&
    typeof each.type === "string" &&
    isOptionalMapping(each.inputs) &&
    isOptionalMapping(each.outputs)
  );
}
