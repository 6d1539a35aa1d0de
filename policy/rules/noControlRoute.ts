import type { DeclaredResource, Rule } from "./rule.ts";
import { at, list, unknown } from "./values.ts";

/** What a client may reach of a model: the inference protocol, not `/control/*` on the same port. */
const inference = /^\/serving\/[^/]+\/[^/]+\/v1\/$/;
/** To the pod itself, or to the API service where it forwards for a development version. */
const target = /^(\/development\/[^/]+)?\/v1\//;
/** Services that KServe makes for a model's parts, and their revisions. */
const partOfModel = /^[^.]+-(?:predictor|transformer|explainer)(?:-default|-\d{5}(?:-private)?)?(?:\.|$)/;

/**
 * Port 8080 of a development version carries `/control/*`, which runs whatever it is sent, beside `/v1/*`. Routes to
 * models therefore match `/serving/<namespace>/<model>/v1/` and rewrite to `/v1/`; no route of anything names `/control`. A route is
 * a model's by its label, or by where it leads.
 */
export const noControlRoute: Rule = {
  name: "no-control-route",
  description: "Routes to models expose /v1/* only: /control/* on the same port runs any code it is sent.",
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
        ? [`${kind}[${index}]: leads to a model as a whole; use http, which exposes /v1/ only`]
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
        return { shown: uri, prefix: at(uri, "prefix"), texts: kinds };
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
        const isPrefix = path === unknown || (at(path, "type") ?? "PathPrefix") === "PathPrefix";
        return { shown: path, prefix: path === unknown ? unknown : isPrefix ? value : undefined, texts: [value] };
      }),
    });
  });
}

/** An Ingress cannot rewrite: what it leads to a model reaches it as it came. */
function ofIngress({ inputs }: DeclaredResource): string[] {
  const paths = list(at(inputs, "spec", "rules")).flatMap((rule) => list(at(rule, "http", "paths")));
  const backends = [at(inputs, "spec", "defaultBackend"), ...paths.map((path) => at(path, "backend"))];
  return backends.some((backend) => isPartOfModel(at(backend, "service", "name")))
    ? ["an Ingress leads to a model, with all its paths; use a VirtualService that exposes /v1/ only"]
    : [];
}

interface JudgedRoute {
  readonly ofModel: boolean;
  readonly rewrite: unknown;
  /** A preview does not know yet what it matches. */
  readonly isUnknown: boolean;
  readonly matches: readonly {
    readonly shown: unknown;
    readonly prefix: unknown;
    readonly texts: readonly unknown[];
  }[];
}

function judged(where: string, { ofModel, rewrite, isUnknown, matches }: JudgedRoute): string[] {
  const control = [...matches.flatMap(({ texts }) => texts), rewrite].filter(
    (text): text is string => typeof text === "string" && decoded(text).includes("control"),
  );
  const sentences = control.map((text) => `${where}: "${text}" leads to the control server; expose /v1/ only`);
  if (!ofModel) return sentences;
  if (matches.length === 0 && !isUnknown) {
    sentences.push(`${where}: matches every path; expose /serving/<namespace>/<model>/v1/`);
  }
  for (const { prefix, shown } of matches) {
    if (prefix === unknown || (typeof prefix === "string" && inference.test(prefix))) continue;
    sentences.push(
      `${where}: matches ${JSON.stringify(shown ?? "every path")}; use a prefix /serving/<namespace>/<model>/v1/`,
    );
  }
  if (typeof rewrite === "string" && !target.test(rewrite)) {
    sentences.push(`${where}: rewrites to "${rewrite}"; use /v1/`);
  }
  return sentences;
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
