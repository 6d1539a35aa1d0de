/** A model that the last `up` served, and that is declared no longer, at least not as what it was. */
export interface DepartedModel {
  readonly name: string;
  readonly kind: "zoo" | "development" | "shadow";
  readonly namespace: string;
  /** The truss folder, relative to the project. */
  readonly truss: string;
  readonly hash: string;
  /** Apps that point at its versions; undefined where no database was asked. */
  readonly apps: number | undefined;
}

/** A model that is declared, and that the last `up` did not serve. */
export interface NewModel {
  readonly name: string;
  readonly truss: string;
  readonly hash: string | undefined;
}

/** Says of each model that goes what that does to predictions and apps, and which new one may be meant to be the same. */
export function departureLines(departed: readonly DepartedModel[], arrived: readonly NewModel[]): string[] {
  return departed.map((model) => {
    const { name, namespace, kind } = model;
    const renamed = renamedTo(model, arrived);
    const rest = renamed === undefined ? "" : `. ${renameLine(renamed, model)}`;
    return `${name}: this ${kinds[kind]} is not in the config any more; requests to /serving/${namespace}/${name} will get 404, and ${left(model)}${rest}`;
  });
}

/** Name of the new model that has the same folder, or else the same content. */
export function renamedTo(
  { truss, hash }: Pick<DepartedModel, "truss" | "hash">,
  arrived: readonly NewModel[],
): NewModel | undefined {
  return arrived.find((each) => each.truss === truss) ?? arrived.find((each) => each.hash === hash);
}

/** What a rename means, for there is none: versions, apps and evidence belong to a name. */
function renameLine({ name, truss }: NewModel, before: Pick<DepartedModel, "name" | "truss">): string {
  const same = truss === before.truss ? "the same truss" : "the same content";
  return `"${name}" has ${same} but is a new model: it begins at version 1, and no app of ${before.name} follows`;
}

const kinds = { zoo: "zoo model", development: "development version", shadow: "shadow deployment" } as const;

function left({ kind, apps }: DepartedModel): string {
  if (kind === "development") return "its version and patches stay in the database";
  if (kind === "shadow") return "its recorded predictions are deleted";
  // With apps it would be refused.
  return apps === 0 ? "no app points at it" : "how many apps point at it is unknown, for no database was asked";
}

/** Where a stack's models are. */
export interface ModelPlace {
  readonly namespace: string;
  /** Context of the kubeconfig; null for its current one. */
  readonly context: string | null;
}

/** What another namespace or cluster for all models does, in a line each; none where they stay. `apps` point at them all. */
export function moveLines(from: ModelPlace, to: ModelPlace, apps: number | undefined): string[] {
  const whose = apps === undefined ? "of an unknown number of apps" : apps === 1 ? "of 1 app" : `of ${apps} apps`;
  const fail = `predictions, those ${whose} among them, fail until the models answer`;
  const cluster = ({ context }: ModelPlace): string => context ?? "the kubeconfig's current context";
  const lines: string[] = [];
  if (from.context !== to.context) {
    lines.push(
      `menagerie:kubeContext: models move from the cluster of ${cluster(from)} to that of ${cluster(to)}; clients of the old gateway get no answer, and ${fail} there`,
    );
  }
  if (from.namespace !== to.namespace) {
    lines.push(
      `menagerie:namespace: models move from ${from.namespace} to ${to.namespace}; addresses below /serving/${from.namespace}/ end, and ${fail} in ${to.namespace}`,
    );
  }
  return lines;
}
