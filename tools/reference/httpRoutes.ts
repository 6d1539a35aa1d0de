/** What the API service answers over HTTP, for the reference; a unit test holds it to the prefixes of its routes. */

export interface HttpRoute {
  readonly call: string;
  readonly key: string;
  readonly does: string;
}

const opens = "opens the model, or its organization";

export const httpRoutes: readonly HttpRoute[] = [
  {
    call: "POST /models/<id>/predict",
    key: opens,
    does: "A prediction by the version that the app or model points at, at most 1 s stale.",
  },
  {
    call: "POST /models/<id>/v1/chat/completions",
    key: opens,
    does: "The same for every path of a protocol, and for the model's own paths: [clients of OpenAI's and Anthropic's APIs](../development-api.md#clients-of-openais-and-anthropics-apis).",
  },
  { call: "GET /models/<id>/v1/models", key: opens, does: "The app by its name, as OpenAI's clients list models." },
  { call: "GET /models/<id>/v1/websocket", key: opens, does: "A WebSocket to the model." },
  { call: "POST /graphql", key: "any key", does: "The [GraphQL schema](#graphql) below, which the truss client uses." },
  {
    call: "GET /v1/development/",
    key: "any key",
    does: "Development versions that clients pushed, among those that the key opens.",
  },
  {
    call: "GET /v1/development/<versionId>",
    key: opens,
    does: "Head, signature, running hash and state of a development version.",
  },
  { call: "DELETE /v1/development/<versionId>", key: opens, does: "Deletes a version that a client pushed." },
  {
    call: "POST /v1/development/<versionId>/patches",
    key: opens,
    does: "Stores a patch at the head (check-and-set) and syncs; `sync: false` only stores.",
  },
  {
    call: "POST /v1/development/<versionId>/sync",
    key: opens,
    does: "Brings the pod to the head; takes at most some 100 s.",
  },
  { call: "POST /v1/development/<versionId>/wake", key: opens, does: "Starts a stopped version." },
  {
    call: "POST /v1/development/<versionId>/generations",
    key: "the stack's own",
    does: "A full deployment begins a new chain of patches.",
  },
  {
    call: "POST /v1/development/<versionId>/ping/<token>",
    key: "none; the address is the secret",
    does: "A starting control server asks for its patches.",
  },
  {
    call: "GET /v1/models/<id>/deployments/<versionId>",
    key: opens,
    does: "State of a deployment, as the truss client asks while it waits.",
  },
  { call: "POST /v1/models/<id>/deployments/<versionId>/logs", key: opens, does: "Its log, the newest line first." },
  {
    call: "POST /hosts/<id>/development/predict",
    key: opens,
    does: "A prediction by a model's development version, which is started where it is stopped.",
  },
  { call: "POST /hosts/<id>/development/wake", key: opens, does: "Starts the development version." },
  {
    call: "POST /hosts/<id>/development/sync/v1/…",
    key: opens,
    does: "A request to the development version by the path at the model.",
  },
  {
    call: "POST /development/<versionId>/v1/…",
    key: "checked by the gateway, where it checks keys",
    does: "A request that the gateway sends to a development version, which is started where it is stopped.",
  },
  {
    call: "PUT /menagerie-uploads/<key>",
    key: "credentials of one upload",
    does: "The part of S3 that uploading a truss needs.",
  },
  {
    call: "GET /authorize/…",
    key: "that of the request",
    does: "Whether a gateway may let a request for a model pass (`menagerie:mesh.keyCheck`).",
  },
  {
    call: "POST /usage/settled",
    key: "the claim in the body",
    does: "Recorders report the tokens of requests that the gateway let pass.",
  },
  { call: "GET /healthz", key: "none", does: "200 while the process runs." },
  { call: "GET /readyz", key: "none", does: "200 while the database answers." },
  { call: "GET /metrics", key: "none", does: "[Metrics](metrics.md)." },
];
