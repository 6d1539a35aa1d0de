/** A resource as a rule sees it: in a preview by the engine, or in a golden graph. */
export interface DeclaredResource {
  /** Such as `kubernetes:core/v1:Secret`. */
  readonly type: string;
  readonly name: string;
  /** Its inputs. The symbol `unknown` of values.ts stands for what a preview does not know yet. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** What every declared resource must keep to. */
export interface Rule {
  /** In kebab case; what a review and an exception name. */
  readonly name: string;
  /** What must be, and why, in a sentence. */
  readonly description: string;
  /** What is wrong with a resource, a sentence each; empty where nothing is. */
  readonly violations: (resource: DeclaredResource) => readonly string[];
}
