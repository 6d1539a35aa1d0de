import { servedPrefixes } from "./operations.ts";

/** Paths of its own that one model may have: with {@link servedPrefixes} they stay below the 16 rules that an HTTPRoute takes. */
export const mostOwnPaths = 10;

/** Characters of one: a route puts the model's path at the gateway before it, and Gateway API takes 1024 in all. */
const longest = 200;

/** First segments that servers keep for themselves: a truss's control server and inference server, and the recorder. */
const reserved: ReadonlyMap<string, string> = new Map([
  ["control", "the control server of a development version listens there, and runs what it is sent"],
  ["hot-reload", "a truss replaces its code there"],
  ["metrics", "metrics are not for a model's users"],
  ["healthz", "the recorder answers there for itself"],
  ["readyz", "the recorder answers there for itself"],
]);

/** What is wrong with a path that a model declares as its own, and what to write instead; undefined where it may have it. */
export function ownPathMistake(path: string): { readonly says: string; readonly fix: string } | undefined {
  const example = "write one such as /generate, or /api/ for everything below it";
  if (!path.startsWith("/")) return { says: "does not begin with a slash", fix: example };
  if (path.length > longest) return { says: `has ${path.length} characters`, fix: `use at most ${longest}` };
  if (path === "/") return { says: "is every path of the model", fix: example };
  if (path.includes("%")) return { says: "is encoded", fix: "write it decoded, with letters, digits, - . _ ~ : and @" };
  const [, ...segments] = path.endsWith("/") ? path.slice(0, -1).split("/") : path.split("/");
  if (segments.some((segment) => segment === "." || segment === "..")) {
    return { says: "has . or .. in it, which gateways resolve", fix: "write the path that the model serves" };
  }
  if (segments.includes("")) return { says: "has two slashes in a row", fix: "remove one" };
  if (!segments.every((segment) => /^[\w.~:@-]+$/.test(segment))) {
    return { says: "has other characters than letters, digits, - . _ ~ : and @", fix: example };
  }
  const [first = ""] = segments;
  const why = reserved.get(first.toLowerCase());
  if (why !== undefined) return { says: `is closed: ${why}`, fix: "choose another path" };
  const served = servedPrefixes.find((prefix) => covers(prefix, path) || covers(path, prefix));
  if (served === undefined) return undefined;
  return covers(served, path)
    ? { says: `is routed already: every model has ${served}`, fix: "remove it" }
    : { says: `has ${served} below it, which every model has`, fix: "name what is below it" };
}

/** Whether a path, decoded, is one of a model's own, or below one that ends with a slash. */
export function isOwnPath(path: string, ownPaths: readonly string[]): boolean {
  return ownPaths.some((own) => (own.endsWith("/") ? path.startsWith(own) : path === own));
}

/** Whether a request's path, decoded or not, is one of those that servers keep for themselves. */
export function isClosedPath(path: string): boolean {
  const [, first = ""] = decoded(path).split("/");
  return reserved.has(first.toLowerCase());
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** The entry of a list that another one has already, with that other; undefined where none does. `/api` and `/api/` go together. */
export function coveredOwnPath(paths: readonly string[]): { readonly index: number; readonly by: string } | undefined {
  for (const [index, path] of paths.entries()) {
    const by = paths.find((other, at) => (other === path ? at < index : other.endsWith("/") && path.startsWith(other)));
    if (by !== undefined) return { index, by };
  }
  return undefined;
}

/** Whether a path with a slash at its end has another one at or below it; with and without the last slash is the same here. */
function covers(outer: string, path: string): boolean {
  const below = outer.endsWith("/") ? outer : `${outer}/`;
  return path === below.slice(0, -1) || (outer.endsWith("/") ? path.startsWith(below) : path === below);
}
