import { textDigest } from "../release/combination.ts";
import { declaredHash } from "../release/stateSchema.ts";
import type { RunnableCombination, RunnableModel, RunnableState } from "../trial/combination.ts";

/** One thing in which two combinations differ, and which can be exchanged alone. */
export type Part =
  /** A model's content, with the secrets that its truss reads; or that the model is there. */
  | { readonly kind: "model"; readonly model: string }
  /** A key of the model's config: `resources`, or `env.<NAME>`. */
  | { readonly kind: "config"; readonly model: string; readonly key: string }
  /** The rows of one table of the state. */
  | { readonly kind: "table"; readonly table: string }
  /** The SQL files that declare the state's tables. */
  | { readonly kind: "schemas" }
  /** The release's tag, which models that work in the state read as `VERSION` and `DATABASE_SCHEMA`. */
  | { readonly kind: "tag" };

/** A combination whose state may have the rows of two releases. */
export interface MixedCombination extends RunnableCombination {
  /** Schema whose rows a table has, of tables that do not have those of the state's own; null for no rows. @default all have them */
  readonly rowsOf?: Readonly<Record<string, string | null>> | undefined;
}

/** Such as `model iris`, `menagerie:zoo.iris.env.FACTOR`, `table item`. */
export function partName(part: Part): string {
  switch (part.kind) {
    case "model":
      return `model ${part.model}`;
    case "config":
      return `menagerie:zoo.${part.model}.${part.key}`;
    case "table":
      return `table ${part.table}`;
    case "schemas":
      return "menagerie:state.schemas";
    case "tag":
      return "the release's tag";
  }
}

/**
 * What of a combination can change the answers of `model` in a trial: the model alone, or where it works in the state, so that it knows the
 * addresses of all models, everything.
 */
export function reachedBy(model: string, combination: MixedCombination): MixedCombination {
  const models = combination.models.filter(({ name }) => name === model);
  return models.some(({ state }) => state) ? combination : { name: combination.name, models, state: null };
}

/** The same for combinations that answer alike: everything but the name. */
export function combinationKey({ models, state, rowsOf }: MixedCombination): string {
  const sorted = models.toSorted(byName).map((model) => [model.name, contentOf(model), ...settingsOf(model)]);
  return textDigest(JSON.stringify([sorted, state && stateOf(state, rowsOf)]));
}

/** Everything in which two combinations differ. */
export function partsBetween(old: MixedCombination, young: MixedCombination): Part[] {
  const [before, after] = [old, young].map(({ models }) => new Map(models.map((model) => [model.name, model])));
  const names = [...new Set([...old.models, ...young.models].map(({ name }) => name))].sort();
  return [
    ...names.flatMap((name) => partsOfModel(name, before?.get(name), after?.get(name))),
    // A state that only one of both has comes with the model that works in it.
    ...(old.state && young.state ? partsOfState([old.state, old.rowsOf], [young.state, young.rowsOf]) : []),
  ];
}

type StateWithRows = readonly [state: RunnableState, rowsOf: MixedCombination["rowsOf"]];

function partsOfState(old: StateWithRows, young: StateWithRows): Part[] {
  const [[before], [after]] = [old, young];
  const tables = [...new Set([...before.tables, ...after.tables].map(({ name }) => name))].sort();
  return [
    ...(declaredHash(before.files) === declaredHash(after.files) ? [] : [{ kind: "schemas" } as const]),
    ...tables
      .filter((table) => schemaOfRows(old, table) !== schemaOfRows(young, table))
      .map((table) => ({ kind: "table", table }) as const),
    ...(before.tag === after.tag && before.schema === after.schema ? [] : [{ kind: "tag" } as const]),
  ];
}

/** Schema whose rows a table has; null where it has none, or is not there. */
function schemaOfRows([{ schema, tables }, rowsOf = {}]: StateWithRows, table: string): string | null {
  if (!tables.some(({ name }) => name === table)) return null;
  return rowsOf[table] === undefined ? schema : rowsOf[table];
}

function partsOfModel(name: string, old: RunnableModel | undefined, young: RunnableModel | undefined): Part[] {
  if (!old || !young) return [{ kind: "model", model: name }];
  const before = new Map(settingsOf(old));
  const after = new Map(settingsOf(young));
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
  return [
    ...(contentOf(old) === contentOf(young) ? [] : [{ kind: "model", model: name } as const]),
    ...keys
      .filter((key) => before.get(key) !== after.get(key))
      .map((key) => ({ kind: "config", model: name, key }) as const),
  ];
}

/** The older combination with some parts of the younger one. */
export function withParts(old: MixedCombination, young: MixedCombination, parts: readonly Part[]): MixedCombination {
  const names = new Set([...old.models, ...young.models].map(({ name }) => name));
  const models = [...names].flatMap((name) => {
    const [before, after] = [old, young].map((each) => each.models.find((model) => model.name === name));
    const own = parts.filter((part) => "model" in part && part.model === name);
    const isExchanged = own.some(({ kind }) => kind === "model");
    const content = isExchanged ? after : before;
    if (!content) return [];
    // A model that only one of both has brings its config along.
    const settings =
      before && after ? exchanged(before, after, own) : { env: content.env, resources: content.resources };
    return [{ ...content, ...settings }];
  });
  const { name } = parts.some(({ kind }) => kind === "tag") ? young : old;
  if (!models.some(({ state }) => state)) return { name, models, state: null };
  if (!old.state || !young.state) {
    const { state, rowsOf } = old.state ? old : young;
    return { name, models, state, rowsOf };
  }
  return { name, models, ...mixedState([old.state, old.rowsOf], [young.state, young.rowsOf], parts) };
}

function mixedState(
  old: StateWithRows,
  young: StateWithRows,
  parts: readonly Part[],
): Pick<MixedCombination, "state" | "rowsOf"> {
  const [[before], [after]] = [old, young];
  const { tag, schema } = parts.some(({ kind }) => kind === "tag") ? after : before;
  const { files, tables, extensions } = parts.some(({ kind }) => kind === "schemas") ? after : before;
  const rowsOf = tables.map(({ name }): [string, string | null] => {
    const isExchanged = parts.some((part) => part.kind === "table" && part.table === name);
    return [name, schemaOfRows(isExchanged ? young : old, name)];
  });
  return {
    state: { tag, schema, files, tables, extensions },
    rowsOf: Object.fromEntries(rowsOf.filter(([, from]) => from !== schema)),
  };
}

function exchanged(
  old: RunnableModel,
  young: RunnableModel,
  parts: readonly Part[],
): Pick<RunnableModel, "env" | "resources"> {
  const keys = new Set(parts.flatMap((part) => (part.kind === "config" ? [part.key] : [])));
  const kept = Object.entries(old.env).filter(([name]) => !keys.has(variableKey(name)));
  const taken = Object.entries(young.env).filter(([name]) => keys.has(variableKey(name)));
  return {
    env: Object.fromEntries([...kept, ...taken]),
    resources: keys.has("resources") ? young.resources : old.resources,
  };
}

function variableKey(name: string): string {
  return `env.${name}`;
}

/** A folder counts by its content, wherever it lies. */
function contentOf({ content, secrets, state = false }: RunnableModel): string {
  const what = "image" in content ? content.image.slice(content.image.indexOf("@") + 1) : content.hash;
  return JSON.stringify([what, secrets.toSorted(), state]);
}

function settingsOf({ env, resources: { cpu, memory, gpus } }: RunnableModel): (readonly [string, string])[] {
  const variables = Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    ...variables.map(([name, value]) => [variableKey(name), value] as const),
    ["resources", JSON.stringify([cpu, memory, gpus])],
  ];
}

function stateOf(state: RunnableState, rowsOf: MixedCombination["rowsOf"]): unknown {
  const { tag, schema, files, tables } = state;
  const rows = tables.map(({ name }) => [name, schemaOfRows([state, rowsOf], name)]);
  return [tag, schema, declaredHash(files), rows.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))];
}

function byName(a: RunnableModel, b: RunnableModel): number {
  return a.name < b.name ? -1 : 1;
}
