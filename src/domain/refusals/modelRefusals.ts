import type { RefusalEntry } from "./entry.ts";

/** Zoo models, development versions and shadows: what one key alone does not show. */
export const modelRefusals = {
  "name.taken": {
    says: 'is "{name}" in Kubernetes, as is {other}',
    fix: "rename one of the two",
    cause: "Kubernetes knows no underscores, so two names may become one.",
  },
  "name.too-long": {
    says: "{problem}",
    fix: "{fix}",
    cause:
      "KServe, Kubernetes and PostgreSQL bound the names that are made from it, and cut longer ones off or never reconcile them.",
  },
  "name.service-too-long": {
    says: 'InferenceService "{name}": {problem}',
    fix: "{fix}",
    cause: "KServe and Knative make longer names of it, which Kubernetes bounds, and would never reconcile it.",
  },
  "name.reserved-ending": {
    says: 'names ending in "{ending}" are for the {what} that a rollout makes',
    fix: "choose another name",
    cause: "A rollout's copy and versions have names made from the model's, with these endings.",
  },
  "model.from-missing": {
    says: "missing",
    fix: "phase {phase} leaves an old version: give its id, as `menagerie rollout {model}` shows it, or use {direct}",
    cause: "Every phase but these is about moving apps from one version to another.",
  },
  "model.env-reserved": {
    says: "is set by {who}",
    fix: "choose another name",
    cause: "The serving containers find their code, ports and state by this variable.",
  },
  "model.replicas-order": {
    says: "{max} is less than min, {min}",
    fix: "use at least {min}",
    cause: "The autoscaler moves between the two.",
  },
  "model.target-fixed": {
    says: "the model always has {pods}, so nothing is scaled",
    fix: "set {key} to at least {more}, or remove the target",
    cause:
      "An autoscaler moves between `min` and `max`. In Standard mode `min: 0` stops the whole model, and its autoscaler begins at one pod.",
  },
  "model.target-knative-cpu": {
    says: "Knative's autoscaler counts requests and does not measure CPU",
    fix: "use concurrency or rps, or mode: Standard",
    cause: "Knative mode scales by requests in flight or requests a second.",
  },
  "model.target-without-prometheus": {
    says: "{metric} is measured by the gateway's counters, which are read from a Prometheus, and the stack names none",
    fix: "declare menagerie:prometheus, or use cpu",
    cause:
      "In Standard mode KEDA scales by requests, and asks a Prometheus that scrapes the pods of the gateway and of the API service.",
  },
  "model.target-uncounted": {
    says: "{without} of {pods} pods of Gateway {gateway} keep no counter {counter}",
    fix: "add this annotation to the pods' template and restart them (docs/traffic.md): {annotation}",
    cause: "Istio has its proxies keep few statistics; without this one the autoscaler would see no load.",
  },
  "model.idle-always-runs": {
    says: "the model never sleeps, because `min` is {min}",
    fix: "set min: 0, or remove the key",
    cause: "`idleMinutes` is the time without a request after which a model with `min: 0` sleeps.",
  },
  "model.sleep-without-services": {
    says: "0 needs the API service, which wakes the model",
    fix: "{change}, or use at least 1",
    cause: "In Standard mode the API service holds a request while the first pod starts.",
  },
  "model.state-undeclared": {
    says: "the stack has no state",
    fix: "declare {state}, or remove the key",
    cause: "The model asks for the login of a state that nothing declares.",
  },
  "model.idle-window": {
    says: "{minutes} is more than Knative's {longest}",
    fix: "use at most {longest}",
    cause: "Knative's autoscaler has no longer window.",
  },
  "model.pool-unknown": {
    says: "no pool is named {pool}",
    fix: "{change}",
    cause: "Pods run on the nodes of a pool that the stack declares.",
  },
  "model.pool-without-gpus": {
    says: "pool {pool} has no GPUs",
    fix: "name a pool that has, or remove the key",
    cause: "The built-in pool stands for the cluster's ordinary nodes.",
  },
  "model.gpus-per-node": {
    says: "a node of pool {pool} has {perNode}, so no pod can get {gpus}",
    fix: "use at most {perNode}",
    cause: "A pod runs on one node.",
  },
  "model.knative-embedded": {
    says: "the embedded environment has no Knative Serving",
    fix: "use Standard, or a cluster that has it (`menagerie up --kubeconfig`)",
    cause: "Its API server knows Knative's kinds, and nothing acts on them.",
  },
  "apps.no-target": {
    says: "is for {target}, which is missing",
    fix: "name the table there, or remove the key",
    cause: "The ids are those of an existing database's table.",
  },
  "apps.no-rollout": {
    says: "is for a rollout, and {from} is missing",
    fix: "give it, or remove the key",
    cause: "The pair of ids says which apps a rollout moves.",
  },
  "apps.too-early": {
    says: "belongs to an earlier rollout, for before phase version the new version has no id in {table}",
    fix: "remove the key",
    cause: "The existing database gives the new version an id when it is there.",
  },
  "apps.missing": {
    says: "missing",
    fix: "phase {phase} concerns the apps in {table} too: give the ids of the old and the new version there, {from: …, to: …}",
    cause: "Apps live in an existing database's table, whose ids Menagerie cannot know.",
  },
  "shadow.same-route": {
    says: "{model} has the same route, {name}",
    fix: "rename one of the two",
    cause: "A shadow deployment has a route of its own, by its name.",
  },
  "shadow.none": {
    says: "is empty",
    fix: "write {<shadow>: {truss: <folder>}}",
    cause: "There is nothing to mirror requests to.",
  },
  "shadow.same-schema": {
    says: 'has the same schema "{schema}" as {other}',
    fix: "rename one of the two",
    cause: "Each side's predictions are kept in a schema of its own.",
  },
  "shadow.same-port": {
    says: "{service} and {other} would be told apart by the same port",
    fix: "rename one of the two, or use at least 1",
    cause:
      "The API service wakes a model of a shadow deployment by what comes to a port, one of 16,384, that follows from the model's name. Two names rarely have the same one.",
  },
  "shadow.reserved-name": {
    says: '"{name}" is a part of every shadow deployment',
    fix: "choose another name",
    cause: "The primary and the noise floor have these names.",
  },
  "shadow.header-secret": {
    says: "{header} carries secrets and is never stored",
    fix: "remove it",
    cause: "Recorded requests are kept in the database.",
  },
  "shadow-gate.unknown-deployment": {
    says: "there is no shadow deployment {deployment}",
    fix: "{change}",
    cause: "The rollout asks for a comparison that nothing makes.",
  },
  "shadow-gate.no-gate": {
    says: "missing",
    fix: "{asker} requires it: write {minPairs: 1000, maxMismatch: 0.01}",
    cause: "What a shadow has to show is said where it is declared.",
  },
  "shadow-gate.which": {
    says: "missing",
    fix: "{deployment} has {count} shadows: use {sides}",
    cause: "The rollout is judged by one of them.",
  },
  "shadow-gate.unknown-shadow": {
    says: "{deployment} has no shadow {shadow}",
    fix: "use {sides}",
    cause: "The rollout is judged by one of the deployment's shadows.",
  },
  "proof.no-sample": {
    says: "there is no sample in {folder}/",
    fix: "export one by `menagerie sample export {name}`, and keep it by `menagerie sample add`",
    cause: "A proof asks both contents what a sample holds, so without one no proof opens the gate.",
  },
  "mirror.not-recorded": {
    says: "is of no use while nothing is recorded",
    fix: "add {recording}: {}, or remove the key",
    cause:
      "What the copy answers to a request is compared with what the version before it answered, by what their recorders store.",
  },
  "judge.knative": {
    says: "needs the counts of both versions, and in Knative mode the gateway has one destination for all versions",
    fix: "remove it, or serve the model in Standard mode",
    cause: "What nobody counts, nobody can judge.",
  },
  "judge.nothing-judged": {
    says: "missing",
    fix: "give the share of requests that may fail, such as 0.02, or set {control} above 0",
    cause: "Without a control nothing is compared, and a fixed limit of errors is all that is left to judge by.",
  },
  "judge.without-control": {
    says: "is not judged with {control}: 0",
    fix: "remove it, or set {control} above 0",
    cause: "Answers and durations are compared where both versions answer the same requests.",
  },
  "judge.with-control": {
    says: "is judged with {control}: 0 alone",
    fix: "remove it, or set {control} to 0",
    cause: "With a control, errors are compared with those of the old version.",
  },
  "judge.not-recorded": {
    says: "{found}, and {judge} compares recorded answers of both versions",
    fix: "{change}, or set {control} to 0 and a maxErrors",
    cause: "What the two versions answer to one request is found in what their recorders store.",
  },
  "judge.no-bodies": {
    says: "is false, and {mismatch} compares bodies",
    fix: "set it to true, or set {control} to 0 and a maxErrors",
    cause: "Whether two answers differ is seen in their bodies.",
  },
  "judge.users": {
    says: "is {sample}, and {judge} has to see the first request of every user whom {by} keeps on one side",
    fix: "set it to 100, set {by} to cookie, or set {control} to 0 and a maxErrors",
    cause:
      "By a header, a user is drawn once for a whole rollout, and counts by the first request that is stored. Of a share of the requests, whoever sends more is seen sooner, and users of a version that fails may send more or fewer. With a cookie, the gateway says which request was drawn. At a traffic of 100 pairs are compared, which need no draw.",
  },
  "judge.apps-elsewhere": {
    says: '"revert" would leave the apps that {apps} moves in another database where they are',
    fix: "give the guard a login there by `{command}`, or use hold or tell, and set phase: reverted when the alert comes",
    cause: "Without a login in that database the guard cannot take its apps back.",
  },
  "judge.no-quantile": {
    says: "is empty",
    fix: "write {p50: 1.5, p95: 2}, or remove the key",
    cause: "Each quantile is judged by a ratio of its own.",
  },
  "judge.warmup": {
    says: "only durations have a warm-up, and none is judged",
    fix: "declare {ratio}, or remove the key",
    cause: "Errors count from a pod's first request.",
  },
  "judge.limits-without-prometheus": {
    says: "the values are read from a Prometheus, and the stack names none",
    fix: "declare {prometheus}, or remove the key",
    cause: "The queries of limits are Prometheus'.",
  },
} as const satisfies Record<string, RefusalEntry>;
