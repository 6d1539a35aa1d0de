/** A preview of a stack as the engine's JSON tells it: its steps, what the program said, and what policies found. */
export interface Preview {
  readonly stack: string;
  readonly steps: readonly PreviewStep[];
  readonly diagnostics: readonly PreviewDiagnostic[];
  /** Undefined where the preview's format cannot tell: the digest of `preview --json` leaves policies out. */
  readonly policies: readonly PolicyResult[] | undefined;
  /** Policy packs that were asked. */
  readonly packs: readonly string[];
  /**
   * Outputs of the stack that a run would change, such as `rollouts.iris.takenBack`: some are read from the database, and change where no resource
   * does. That of a secret is not seen. Undefined where the preview's format cannot tell: the digest of `preview --json` leaves outputs out.
   */
  readonly outputs?: readonly FieldChange[] | undefined;
}

/** A value that differs, at its own place. */
export interface FieldChange {
  /** Such as `spec.predictor.containers[0].image`. */
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** What would happen to one resource. */
export interface PreviewStep {
  /** The engine's word: `same`, `create`, `update`, `replace`, `delete`, `refresh`, `import`, `read` … */
  readonly op: string;
  readonly urn: string;
  /** The resource's own type, such as `kubernetes:core/v1:Secret`. */
  readonly type: string;
  readonly name: string;
  /** URN of the component that it is a part of; undefined where the preview's format cannot tell. */
  readonly parent?: string | undefined;
  readonly before: PreviewState | undefined;
  readonly after: PreviewState | undefined;
  /** Inputs that force a replacement. */
  readonly replacedBy: readonly string[];
}

export interface PreviewState {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Whether the engine refuses to delete it. @default false */
  readonly protect?: boolean | undefined;
  /** Whether what it stands for stays when it is deleted. @default false */
  readonly retainOnDelete?: boolean | undefined;
}

export interface PreviewDiagnostic {
  readonly severity: "info" | "warning" | "error";
  readonly message: string;
  readonly urn: string | undefined;
}

export interface PolicyResult {
  readonly policy: string;
  readonly pack: string;
  readonly level: string;
  readonly message: string;
  readonly urn: string | undefined;
}

/** Whether a run would do nothing. A run that only changes outputs, or what is protected or retained, does something. */
export function changesNothing({ steps, outputs = [] }: Pick<Preview, "steps" | "outputs">): boolean {
  const changes = ({ op, before, after }: PreviewStep): boolean =>
    (op !== "same" && op !== "read") ||
    (before?.protect ?? false) !== (after?.protect ?? false) ||
    (before?.retainOnDelete ?? false) !== (after?.retainOnDelete ?? false);
  return outputs.length === 0 && !steps.some(changes);
}

const dynamicPrefix = "pulumi-nodejs:dynamic/menagerie:";

/** Whether a step is of one of the program's own dynamic resources, such as `TrussImage`. */
export function isDynamic({ type }: Pick<PreviewStep, "type">, kind: string): boolean {
  return type === `${dynamicPrefix}${kind}`;
}

/** Whether a step is of a component. What a run does to it is done to the resources below it, which count. */
export function isComponent({ type }: Pick<PreviewStep, "type">): boolean {
  return type.startsWith("menagerie:");
}

/**
 * Whether a step shows a change of the config in the config's own words: the update of a component that the stack declares itself.
 * Those below it get their part of the same change, and one whose state has no inputs yet is only recorded.
 */
export function showsConfig({ op, type, urn, before }: PreviewStep): boolean {
  const isOwn = isComponent({ type }) && partsOfUrn(urn).parents.length === 0;
  return op === "update" && isOwn && Object.keys(before?.inputs ?? {}).length > 0;
}

/** Type of a resource as people say it: `TrussImage`, `core/v1:Secret`, `zoo:ModelZooEntry`. */
export function shortType(type: string): string {
  return type.replace(dynamicPrefix, "").replace(/^(kubernetes|menagerie|postgresql):/, "");
}

/** What a urn is made of: `urn:pulumi:<stack>::<project>::[<parent's type>$]<type>::<name>`. */
export interface UrnParts {
  readonly stack: string;
  /** Types of the components that the resource is in, the outermost first; the stack is none of them. */
  readonly parents: readonly string[];
  readonly type: string;
  readonly name: string;
}

export function partsOfUrn(urn: string): UrnParts {
  const [head = "", , types = "", ...name] = urn.split("::");
  const parents = types.split("$");
  const type = parents.pop() ?? types;
  return { stack: head.replace("urn:pulumi:", ""), parents, type, name: name.join("::") };
}
