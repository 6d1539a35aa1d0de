import { isDeepStrictEqual } from "node:util";
import type { DatabaseServer } from "../../adapters/postgres/server.ts";
import { identifierIssue } from "../../domain/generatedNames.ts";
import { sslModes } from "../../domain/platformDatabase.ts";
import { sentenceOf } from "../../domain/refusals/clause.ts";
import { database } from "./database.ts";
import { grant } from "./grant.ts";
import type { Properties, PropertyFailure, PropertyShape, ResourceKind } from "./resourceKind.ts";
import { role } from "./role.ts";
import { schema } from "./schema.ts";
import { unknownValue } from "./wire.ts";

/** Served types, by the part of the type token before its version. */
const kinds: Readonly<Record<string, ResourceKind>> = {
  "postgresql:index/database:Database": database,
  "postgresql:index/grant:Grant": grant,
  "postgresql:index/role:Role": role,
  "postgresql:index/schema:Schema": schema,
};

/** Properties that name something in PostgreSQL. */
const names = new Set(["name", "owner", "database", "schema", "role", "objects", "columns", "searchPaths", "roles"]);

export function kindOf(type: string): ResourceKind {
  const kind = kinds[type];
  if (!kind)
    throw new Error(`${type} is not served by the local PostgreSQL plugin; it serves ${Object.keys(kinds).join(", ")}`);
  return kind;
}

/** Everything that is wrong with a resource's inputs. Values that a preview does not know yet pass. */
export function issuesIn(kind: ResourceKind, inputs: Properties): PropertyFailure[] {
  const known = Object.fromEntries(Object.entries(inputs).filter(([, value]) => !isUnknown(value)));
  const failures: PropertyFailure[] = [];
  for (const [property, value] of Object.entries(known)) {
    const shape = kind.properties[property];
    if (!shape) failures.push({ property, reason: "is not served by the local PostgreSQL plugin; leave it out" });
    else if (value !== null && !hasShape(value, shape))
      failures.push({ property, reason: `is not ${shapeNames[shape]}` });
    else if (names.has(property)) {
      for (const name of [value].flat()) {
        const issue = identifierIssue(name);
        if (issue) failures.push({ property, reason: `${JSON.stringify(name)} ${sentenceOf(issue)}` });
      }
    }
  }
  if (kind.properties.name && !("name" in inputs)) failures.push({ property: "name", reason: "missing; give one" });
  if (failures.length > 0 || Object.keys(known).length < Object.keys(inputs).length) return failures;
  return kind.check(inputs);
}

/** Keys that differ, and those of them that make another object. */
export function difference(kind: ResourceKind, olds: Properties, news: Properties) {
  const keys = Object.keys(kind.properties);
  const changed = keys.filter((key) => !isDeepStrictEqual(comparable(olds[key]), comparable(news[key])));
  return { changed, replaces: changed.filter((key) => kind.replaceOn(news).includes(key)) };
}

/** Lists here are sets: their order means nothing. */
function comparable(value: unknown): unknown {
  return Array.isArray(value) ? value.map(String).sort() : (value ?? undefined);
}

/** The server that a provider's configuration names; scalars arrive as text. */
export function serverOf(config: Properties): DatabaseServer {
  const text = (key: string, otherwise: string): string => String(config[key] ?? otherwise);
  const sslMode = sslModes.find((mode) => mode === text("sslmode", "disable"));
  if (!sslMode) throw new Error(`postgresql provider: sslmode: use one of ${sslModes.join(", ")}`);
  return {
    host: text("host", "127.0.0.1"),
    port: Number(text("port", "5432")),
    user: text("username", "postgres"),
    password: config.password === undefined ? undefined : text("password", ""),
    sslMode,
    maintenanceDatabase: text("database", "postgres"),
  };
}

function isUnknown(value: unknown): boolean {
  return value === unknownValue || (Array.isArray(value) && value.includes(unknownValue));
}

const shapeNames: Readonly<Record<PropertyShape, string>> = {
  text: "a text",
  texts: "a list of texts",
  boolean: "a boolean",
};

function hasShape(value: unknown, shape: PropertyShape): boolean {
  if (shape === "texts") return Array.isArray(value) && value.every((each) => typeof each === "string");
  return typeof value === (shape === "text" ? "string" : "boolean");
}
