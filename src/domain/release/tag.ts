import semver from "semver";
import { type Clause, sentenceOf } from "../refusals/clause.ts";
import { refuse } from "./refusals.ts";
import { type Scheme, shapeOf } from "./scheme.ts";

/** One model in a tag, such as `ranker` at 42. */
export interface TaggedModel {
  readonly name: string;
  /** At least 1. */
  readonly version: number;
}

/** A release's tag, taken apart. Two tags are equal when their texts are. */
export type ReleaseTag =
  | {
      readonly shape: "numbered";
      /** At least 1; counts the combinations of an environment. */
      readonly number: number;
      readonly candidate?: number | undefined;
    }
  | { readonly shape: "joint"; readonly version: string; readonly candidate?: number | undefined }
  | {
      readonly shape: "combined";
      /** Version of the code. */
      readonly version: string;
      /** In the order of their names, each once. */
      readonly models: readonly TaggedModel[];
      readonly candidate?: number | undefined;
    };

/** Longest tag: a schema, a label or a git reference is made of it. In characters. */
export const longestTag = 250;

const number = "[1-9][0-9]{0,8}";
const whole = new RegExp(`^${number}$`);
const candidateEnding = new RegExp(`^(.*)-rc\\.(${number})$`);
const modelEnding = new RegExp(`^(.+)v(${number})$`);
const modelName = /^[a-z]([a-z0-9_-]*[a-z0-9])?$/;
/** Inside a name it would read as the end of another model. */
const looksLikeAnEnd = /v[0-9]+-/;

/** `1.2.3`, without leading zeros, pre-release or build parts; undefined for anything else. */
export function codeVersion(text: string): string | undefined {
  const parsed = /^[0-9.]{5,32}$/.test(text) ? semver.parse(text) : null;
  return parsed && parsed.version === text ? text : undefined;
}

/** What is wrong with a model's name in combined tags, as the rest of a sentence; undefined when nothing is. */
export function modelNameIssue(name: string): Clause | undefined {
  if (!modelName.test(name)) {
    return { problem: "is not a model's name in a tag", fix: "use lower-case letters, digits, - and _" };
  }
  if (looksLikeAnEnd.test(name)) {
    return {
      problem: `makes tags ambiguous: "${looksLikeAnEnd.exec(name)?.[0]}" in it reads as the end of another model`,
      fix: "rename the model, or use the scheme deployment-manager",
    };
  }
  return undefined;
}

/** The tag's text. @throws OperatorError for what no tag can hold: a wrong name or version, a model twice, too long a text. */
export function formatTag(tag: ReleaseTag): string {
  const ending = tag.candidate === undefined ? "" : `-rc.${counted(tag.candidate, "candidate")}`;
  const text = `${baseOf(tag)}${ending}`;
  if (text.length > longestTag) {
    throw refuse("release.tag-too-long", { text: text.slice(0, 40), count: text.length, longestTag });
  }
  return text;
}

/** The tag of the same release without its candidate's number. */
export function baseOf(tag: ReleaseTag): string {
  switch (tag.shape) {
    case "numbered":
      return `release-${counted(tag.number, "release number")}`;
    case "joint":
      return `v${checkedVersion(tag.version)}`;
    case "combined":
      return [`v${checkedVersion(tag.version)}`, ...inOrder(tag.models).map(modelText)].join("-");
  }
}

function modelText({ name, version }: TaggedModel): string {
  const issue = modelNameIssue(name);
  if (issue) throw refuse("release.model-name", { name: JSON.stringify(name), ...issue });
  return `${name}v${counted(version, `version of ${name}`)}`;
}

function counted(value: number, what: string): string {
  if (whole.test(String(value))) return String(value);
  throw refuse("release.not-a-number", { what, value });
}

function checkedVersion(text: string): string {
  const version = codeVersion(text);
  if (version !== undefined) return version;
  throw refuse("release.code-version", { text: JSON.stringify(text) });
}

function inOrder(models: readonly TaggedModel[]): TaggedModel[] {
  const sorted = [...models].sort((a, b) => order(a.name, b.name));
  for (const [index, { name }] of sorted.entries()) {
    if (sorted[index + 1]?.name === name) throw refuse("release.model-twice", { name: JSON.stringify(name) });
  }
  return sorted;
}

/**
 * Takes a tag of `scheme` apart; the inverse of {@link formatTag}.
 * @throws OperatorError with one sentence: the tag, what is wrong with it, how tags of the scheme look.
 */
export function parseTag(scheme: Scheme, text: string): ReleaseTag {
  const wrong = (reason: string) => refuse("release.tag-unreadable", { text: JSON.stringify(text), reason });
  if (text.length > longestTag) throw wrong(`is longer than ${longestTag} characters`);
  const ended = candidateEnding.exec(text);
  const base = ended?.[1] ?? text;
  if (!ended && /-rc(\.[^-]*)?$/.test(text)) throw wrong("a candidate ends in -rc.<number>, such as -rc.1");
  const candidate = ended ? { candidate: Number(ended[2]) } : {};
  const shape = shapeOf(scheme);
  if (shape === "numbered") {
    const digits = base.startsWith("release-") ? base.slice("release-".length) : "";
    if (!whole.test(digits))
      throw wrong("tags of the scheme deployment-manager are release-<number>, such as release-7");
    return { shape, number: Number(digits), ...candidate };
  }
  const [head = "", ...parts] = base.split("-");
  const version = head.startsWith("v") ? codeVersion(head.slice(1)) : undefined;
  if (version === undefined)
    throw wrong(`begins with v<major>.<minor>.<patch> in the scheme ${scheme}, such as v1.2.3`);
  if (shape === "joint") {
    if (parts.length > 0) throw wrong(`tags of the scheme ${scheme} name no models; write v${version}`);
    return { shape, version, ...candidate };
  }
  return { shape, version, models: taggedModels(parts, wrong), ...candidate };
}

function taggedModels(parts: readonly string[], wrong: (reason: string) => Error): TaggedModel[] {
  const models: TaggedModel[] = [];
  let pending = "";
  for (const part of parts) {
    pending = pending === "" ? part : `${pending}-${part}`;
    const match = modelEnding.exec(pending);
    if (!match?.[1]) continue;
    const issue = modelNameIssue(match[1]);
    if (issue) throw wrong(`${JSON.stringify(match[1])} ${sentenceOf(issue)}`);
    models.push({ name: match[1], version: Number(match[2]) });
    pending = "";
  }
  if (pending !== "") throw wrong(`${JSON.stringify(pending)} is no <model>v<number>, such as rankerv42`);
  for (const [index, { name }] of models.entries()) {
    const next = models[index + 1];
    if (next?.name === name) throw wrong(`names model ${name} twice`);
    if (next && order(name, next.name) > 0) {
      throw wrong(`is ambiguous: models stand in the order of their names, ${next.name} before ${name}`);
    }
  }
  return models;
}

/**
 * A total order of the tags of one scheme: by number or code version, then by the versions of the models in the order of
 * their names (a model that is not there comes before its version 1), then candidates before the release.
 */
export function compareTags(a: ReleaseTag, b: ReleaseTag): number {
  if (a.shape === "numbered" && b.shape === "numbered") return sign(a.number - b.number) || compareCandidates(a, b);
  if (a.shape === "joint" && b.shape === "joint")
    return semver.compare(a.version, b.version) || compareCandidates(a, b);
  if (a.shape === "combined" && b.shape === "combined") {
    return semver.compare(a.version, b.version) || compareModels(a.models, b.models) || compareCandidates(a, b);
  }
  throw new Error(`tags of different schemes have no order: ${formatTag(a)}, ${formatTag(b)}`);
}

function compareModels(a: readonly TaggedModel[], b: readonly TaggedModel[]): number {
  const [ofA, ofB] = [a, b].map((models) => new Map(models.map(({ name, version }) => [name, version])));
  const names = [...new Set([...a, ...b].map(({ name }) => name))].sort(order);
  for (const name of names) {
    const difference = (ofA?.get(name) ?? 0) - (ofB?.get(name) ?? 0);
    if (difference !== 0) return sign(difference);
  }
  return 0;
}

function compareCandidates(a: ReleaseTag, b: ReleaseTag): number {
  const [x, y] = [a.candidate ?? Number.POSITIVE_INFINITY, b.candidate ?? Number.POSITIVE_INFINITY];
  return x === y ? 0 : sign(x - y);
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function sign(difference: number): -1 | 0 | 1 {
  if (difference === 0) return 0;
  return difference < 0 ? -1 : 1;
}
