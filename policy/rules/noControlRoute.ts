import { leadsOut } from "../../src/domain/protocols/leadsOut.ts";
import { servedPrefixes } from "../../src/domain/protocols/operations.ts";
import { ownPathMistake } from "../../src/domain/protocols/ownPaths.ts";
import type { DeclaredResource, Rule } from "./rule.ts";
import { at, list, unknown } from "./values.ts";

/** Before the model's path: what clients name a model by. */
const served = /^\/serving\/[^/]+\/[^/]+(?=\/)/;
/** Before the path at the pod: nothing, or where the API service forwards for a development version. */
const forwarded = /^(?:\/development\/[^/]+)?(?=\/)/;
/** Services that KServe makes for a model's parts, and their revisions. */
const partOfModel = /^[^.]+-(?:predictor|transformer|explainer)(?:-default|-\d{5}(?:-private)?)?(?:\.|$)/;

/**
 * Port 8080 of a development version carries `/control/*`, which runs whatever it is sent, beside `/v1/*`. Routes to
 * models therefore match `/serving/<namespace>/<model>/v1/` and what else models serve, and rewrite to that path; no route of anything
 * names `/control`. A route is a model's by its label, or by where it leads.
 */
export const noControlRoute: Rule = {
  name: "no-control-route",
  description: "Routes to models expose what models serve only: /control/* on the same port runs any code it is sent.",
  violations: (resource) => {
    if (/^kubernetes:networking\.istio\.io\/[^:]+:VirtualService(Patch)?$/.test(resource.type))
      return ofIstio(resource);
    if (/^kubernetes:gateway\.networking\.k8s\.io\/[^:]+:HTTPRoute(Patch)?$/.test(resource.type)) {
      return ofGateway(resource);
    }
    if (/^kubernetes:networking\.k8s\.io\/[^:]+:Ingress(Patch)?$/.test(resource.type)) return ofIngress(resource);
    return [];
  },
};

function ofIstio({ inputs }: DeclaredResource): string[] {
  const labelled = isLabelled(inputs);
  const connections = ["tcp", "tls"].flatMap((kind) =>
    list(at(inputs, "spec", kind)).flatMap((route, index) =>
      leadsToModel(route, "destination", "host")
        ? [`${kind}[${index}]: leads to a model as a whole; use http, which exposes what it serves only`]
        : [],
    ),
  );
  const http = list(at(inputs, "spec", "http")).flatMap((route, index) => {
    const matches = list(at(route, "match"));
    return judged(`http[${index}]`, {
      ofModel: labelled || leadsToModel(route, "destination", "host"),
      rewrite: at(route, "rewrite", "uri"),
      isUnknown: at(route, "match") === unknown,
      matches: matches.map((match) => {
        const uri = at(match, "uri");
        const kinds = ["prefix", "exact", "regex"].map((kind) => at(uri, kind));
        return { shown: uri, path: pathOf(at(uri, "prefix"), at(uri, "exact")), texts: kinds };
      }),
    });
  });
  return [...http, ...connections];
}

/** Gateway API: a filter rewrites, and a rule without matches takes every path. */
function ofGateway({ inputs }: DeclaredResource): string[] {
  const labelled = isLabelled(inputs);
  return list(at(inputs, "spec", "rules")).flatMap((rule, index) => {
    const rewrites = list(at(rule, "filters")).map((filter) => at(filter, "urlRewrite", "path"));
    const rewrite = rewrites.map((path) => at(path, "replacePrefixMatch") ?? at(path, "replaceFullPath"));
    return judged(`rules[${index}]`, {
      ofModel: labelled || list(at(rule, "backendRefs")).some((backend) => isPartOfModel(at(backend, "name"))),
      rewrite: rewrite.find((each) => each !== undefined),
      isUnknown: at(rule, "matches") === unknown,
      matches: list(at(rule, "matches")).map((match) => {
        const path = at(match, "path");
        const value = at(path, "value");
        if (path === unknown) return { shown: path, path: unknown, texts: [value] };
        const type = at(path, "type") ?? "PathPrefix";
        const [prefix, exact] = ["PathPrefix", "Exact"].map((each) => (type === each ? value : undefined));
        return { shown: path, path: pathOf(prefix, exact), texts: [value] };
      }),
    });
  });
}

/** An Ingress cannot rewrite: what it leads to a model reaches it as it came. */
function ofIngress({ inputs }: DeclaredResource): string[] {
  const paths = list(at(inputs, "spec", "rules")).flatMap((rule) => list(at(rule, "http", "paths")));
  const backends = [at(inputs, "spec", "defaultBackend"), ...paths.map((path) => at(path, "backend"))];
  return backends.some((backend) => isPartOfModel(at(backend, "service", "name")))
    ? ["an Ingress leads to a model, with all its paths; use a VirtualService that exposes what it serves only"]
    : [];
}

interface JudgedRoute {
  readonly ofModel: boolean;
  readonly rewrite: unknown;
  /** A preview does not know yet what it matches. */
  readonly isUnknown: boolean;
  readonly matches: readonly {
    readonly shown: unknown;
    /** With a slash at its end where what is below it matches too. */
    readonly path: unknown;
    readonly texts: readonly unknown[];
  }[];
}

function judged(where: string, { ofModel, rewrite, isUnknown, matches }: JudgedRoute): string[] {
  const control = [...matches.flatMap(({ texts }) => texts), rewrite].filter(
    (text): text is string => typeof text === "string" && namesControl.test(decoded(text)),
  );
  const sentences = control.map(
    (text) => `${where}: "${text}" leads to the control server; expose what the model serves only`,
  );
  if (!ofModel) return sentences;
  if (matches.length === 0 && !isUnknown) {
    sentences.push(`${where}: matches every path; expose /serving/<namespace>/<model>/v1/`);
  }
  for (const { path, shown } of matches) {
    if (path === unknown || (typeof path === "string" && isServed(innerOf(path, served)))) continue;
    sentences.push(
      `${where}: matches ${JSON.stringify(shown ?? "every path")}; use a prefix /serving/<namespace>/<model>/v1/`,
    );
  }
  if (typeof rewrite === "string" && !isBelowServed(innerOf(rewrite, forwarded))) {
    sentences.push(`${where}: rewrites to "${rewrite}"; use /v1/`);
  }
  return sentences;
}

const namesControl = /(^|[/\\])control([/\\]|$)/i;

/** A prefix, or a path that matches alone; an empty one, or a prefix in the middle of a segment, is not a path of a model. */
function pathOf(prefix: unknown, exact: unknown): unknown {
  if (exact === undefined) return typeof prefix === "string" && !prefix.endsWith("/") ? `${prefix}*` : prefix;
  return typeof exact === "string" && exact.endsWith("/") ? exact.slice(0, -1) : exact;
}

/** The model's part of a path; empty where there is none. */
function innerOf(path: string, before: RegExp): string {
  const [whole] = before.exec(path) ?? [];
  return whole === undefined ? "" : path.slice(whole.length);
}

/** Whether a path is what models serve: a protocol's, or one that a model may have as its own. */
function isServed(inner: string): boolean {
  return servedPrefixes.some((prefix) => inner === prefix) || ownPathMistake(inner) === undefined;
}

function isBelowServed(inner: string): boolean {
  return isServed(inner) || (servedPrefixes.some((prefix) => inner.startsWith(prefix)) && !leadsOut(inner));
}

function isLabelled(inputs: DeclaredResource["inputs"]): boolean {
  return at(inputs, "metadata", "labels", "app.kubernetes.io/component") === "model";
}

function leadsToModel(route: unknown, ...path: readonly string[]): boolean {
  return list(at(route, "route")).some((each) => isPartOfModel(at(each, ...path)));
}

function isPartOfModel(service: unknown): boolean {
  return typeof service === "string" && partOfModel.test(service);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
