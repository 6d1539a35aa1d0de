import type { Rule } from "./rule.ts";
import { at, list, unknown } from "./values.ts";

/** What a client may reach of a model: the inference protocol, not `/control/*` on the same port. */
const inference = /^\/serving\/[^/]+\/[^/]+\/v1\/$/;
/** To the pod itself, or to the API service where it forwards for a development version. */
const target = /^(\/development\/[^/]+)?\/v1\//;

/**
 * Port 8080 of a development version carries `/control/*`, which runs whatever it is sent, beside `/v1/*`. Routes of
 * models therefore match `/serving/<namespace>/<model>/v1/` and rewrite to `/v1/`; no route of anything names `/control`.
 */
export const noControlRoute: Rule = {
  name: "no-control-route",
  description: "Routes of models expose /v1/* only: /control/* on the same port runs any code it is sent.",
  violations: ({ type, inputs }) => {
    if (!/^kubernetes:networking\.istio\.io\/[^:]+:VirtualService$/.test(type)) return [];
    const ofModel = at(inputs, "metadata", "labels", "app.kubernetes.io/component") === "model";
    return list(at(inputs, "spec", "http")).flatMap((route, index) => {
      const rewrite = at(route, "rewrite", "uri");
      const matches = list(at(route, "match"));
      const uris = matches.map((match) => at(match, "uri"));
      const texts = uris.flatMap((uri) => ["prefix", "exact", "regex"].map((kind) => at(uri, kind)));
      const where = `http[${index}]`;
      const control = [...texts, rewrite].filter((text) => typeof text === "string" && text.includes("control"));
      const sentences = control.map((text) => `${where}: "${text}" leads to the control server; expose /v1/ only`);
      if (!ofModel) return sentences;
      if (matches.length === 0 && at(route, "match") !== unknown)
        sentences.push(`${where}: matches every path; expose /serving/<namespace>/<model>/v1/`);
      for (const uri of uris) {
        const prefix = at(uri, "prefix");
        if (prefix === unknown || (typeof prefix === "string" && inference.test(prefix))) continue;
        sentences.push(
          `${where}: matches ${JSON.stringify(uri ?? "every path")}; use a prefix /serving/<namespace>/<model>/v1/`,
        );
      }
      if (typeof rewrite === "string" && !target.test(rewrite)) {
        sentences.push(`${where}: rewrites to "${rewrite}"; use /v1/`);
      }
      return sentences;
    });
  },
};
