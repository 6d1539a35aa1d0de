import { credentialsInText, isCredential } from "../../src/domain/credentials/credentials.ts";
import { nameSays } from "../../src/domain/credentials/names.ts";
import { holdsCredential as looksLikeCredential } from "../../src/domain/credentials/values.ts";
import { containersOf } from "./containers.ts";
import type { DeclaredResource, Rule } from "./rule.ts";
import { at, list } from "./values.ts";

/**
 * Secrets come by secretKeyRef, or as a secret value, which a preview hides and the state encrypts. What a credential is, by
 * its name and by itself, `src/domain/credentials` says.
 */
export const noPlainSecrets: Rule = {
  name: "no-plain-secrets",
  description:
    "No ConfigMap, container's variable, argument or annotation holds a credential as plain text; refer to a Secret's key.",
  violations: (resource) => {
    if (!resource.type.startsWith("kubernetes:")) return [];
    const sentences = [
      ...plainVariables(resource),
      ...plainArguments(resource),
      ...plainData(resource),
      ...plainAnnotations(resource),
    ];
    return [...new Set(sentences)];
  },
};

/** Lists of variables and parameters wherever they are: of containers, of a predictor's model, of Tekton's params. */
function plainVariables({ inputs }: DeclaredResource): string[] {
  return namedValues(at(inputs, "spec"), "spec").flatMap(({ owner, kind, key, value }) =>
    holdsCredential(key, value)
      ? [
          kind === "env"
            ? `container ${owner}: variable ${key} holds a secret; use valueFrom.secretKeyRef`
            : `${owner}: parameter ${key} holds a secret; refer to a Secret`,
        ]
      : [],
  );
}

interface NamedValue {
  readonly owner: string;
  readonly kind: "env" | "params";
  readonly key: string;
  readonly value: unknown;
}

function namedValues(value: unknown, path: string): NamedValue[] {
  if (Array.isArray(value)) return value.flatMap((each, index) => namedValues(each, `${path}[${index}]`));
  if (typeof value !== "object" || value === null) return [];
  const name = at(value, "name");
  const owner = typeof name === "string" ? name : (path.split(".").at(-1) ?? path);
  return Object.entries(value).flatMap(([key, inner]) => {
    const named =
      key === "env" || key === "params"
        ? list(inner).map((each): NamedValue => {
            return { owner, kind: key, key: String(at(each, "name")), value: at(each, "value") };
          })
        : [];
    return [...named, ...namedValues(inner, `${path}.${key}`)];
  });
}

/** `--token=abc` and `--token abc`. */
function plainArguments(resource: DeclaredResource): string[] {
  return containersOf(resource).flatMap(({ name, args }) =>
    args.flatMap((argument, index) => {
      if (typeof argument !== "string") return [];
      const next = args[index + 1];
      const option = /^--?([A-Za-z][\w.-]*)$/.exec(argument)?.[1];
      const isGiven =
        option !== undefined && typeof next === "string" && !next.startsWith("-") && nameSays(option) !== "nothing";
      const found = isGiven && isCredential(option, next) ? [option] : credentialsInText(argument);
      return found.map(
        (each) => `container ${name}: argument ${each} holds a secret; use a variable with secretKeyRef`,
      );
    }),
  );
}

function plainData({ type, inputs }: DeclaredResource): string[] {
  if (!/^kubernetes:core\/v1:ConfigMap(Patch)?$/.test(type)) return [];
  return [...entriesOf(at(inputs, "data")), ...entriesOf(at(inputs, "binaryData"), decoded)].flatMap(([key, value]) => {
    if (holdsCredential(key, value)) return [`data.${key} holds a secret; put it into a Secret`];
    // A file with lines of its own, such as an .env.
    return typeof value === "string"
      ? credentialsInText(value).map((name) => `data.${key}: ${name} holds a secret; put it into a Secret`)
      : [];
  });
}

/** Their names are about credentials (which Secret, which revision of it), so only what looks like one is. */
function plainAnnotations({ inputs }: DeclaredResource): string[] {
  return [at(inputs, "metadata"), at(inputs, "spec", "template", "metadata")].flatMap((metadata) =>
    entriesOf(at(metadata, "annotations"))
      .filter(([, value]) => typeof value === "string" && looksLikeCredential(value))
      .map(([key]) => `annotation ${key} holds a secret; remove it`),
  );
}

function entriesOf(value: unknown, read: (text: unknown) => unknown = (text) => text): [string, unknown][] {
  return typeof value === "object" && value !== null
    ? Object.entries(value).map(([key, each]) => [key, read(each)])
    : [];
}

function decoded(value: unknown): unknown {
  return typeof value === "string" ? Buffer.from(value, "base64").toString() : value;
}

/** Text alone; the sentence never holds the value. */
function holdsCredential(key: string, value: unknown): boolean {
  return typeof value === "string" && !value.includes("\n") && isCredential(key, value);
}
