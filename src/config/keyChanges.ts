/**
 * What an `up` does once the value of a key has changed, for the reference of keys and for editors.
 *
 * - `nothing`: what runs stays as it is; the next run, step or judgement reads the new value
 * - `update`: objects change in place, and every request is answered
 * - `new pods`: pods are replaced, each new one before its old one ends; on a GPU pool the GPU is handed over, with a gap
 * - `replace`: an object is deleted and made again
 * - `delete`: data or what serves is deleted; `up` lists it and asks first
 */
export type ChangeKind = "nothing" | "update" | "new pods" | "replace" | "delete";

/** The kind, and a sentence where it does not say everything. */
export type KeyChange = readonly [kind: ChangeKind, more?: string];

/**
 * By path: `*` stands for a name that the writer chooses, `[]` for an entry of a list. A key without an entry has that of the nearest key above
 * it; a unit test says which key has none at all, and which entry is about no key.
 */
export const keyChanges: Readonly<Record<string, KeyChange>> = {
  namespace: [
    "replace",
    "Every model moves: its address ends, and predictions fail until it answers in the new namespace.",
  ],
  kubeContext: ["replace", "Everything moves to the other cluster: the preview says which addresses end."],

  zoo: ["update", "A new entry is deployed beside the others."],
  "zoo.*": [
    "delete",
    "Removing the entry deletes the model's services and route. A renamed entry is a new model, and is refused while apps point at the old one.",
  ],
  "zoo.*.truss": [
    "new pods",
    "Other content is a new version: an image is built, and the old version answers until the new one does. Refused in the middle of a rollout.",
  ],
  "zoo.*.phase": [
    "update",
    "Moves the rollout by one step. `done` deletes the old version's service; `off` deletes the model's route.",
  ],
  "zoo.*.from": [
    "nothing",
    "It begins a rollout together with `phase: copy`. Another value in the middle of a rollout is refused.",
  ],
  "zoo.*.hash": ["new pods", "Other content is another version, as for `truss`."],
  "zoo.*.smoke": ["nothing", "The next phase that tries the set has the new one."],
  "zoo.*.shadow": ["nothing", "The next step to `forward` reads it."],
  "zoo.*.apps": ["nothing", "The next step from `forward` on moves apps by these ids."],
  "zoo.*.traffic": ["update", "The weights of the route change."],
  "zoo.*.by": ["update", "The route changes; clients are divided anew."],
  "zoo.*.mirror": ["update", "The route of the model changes."],
  "zoo.*.share": [
    "update",
    "In phase `forward`, the apps of the organizations that are added move. A smaller share moves nobody back.",
  ],
  "zoo.*.rowsPerSecond": ["nothing", "The next move of apps has the new pace."],
  "zoo.*.leave": ["nothing", "The next step reads the list."],
  "zoo.*.paused": ["update", "A move of apps stops after its current batch, or goes on."],
  "zoo.*.revert": ["nothing", "`phase: reverted` reads it."],
  "zoo.*.bake": ["nothing", "`phase: done` reads it."],
  "zoo.*.recording": [
    "delete",
    "Adding the key puts a recorder in front of the model, without a gap. Removing it deletes what was recorded; `paused: true` keeps it.",
  ],
  "zoo.*.recording.sample": ["new pods", "The recorder's pods restart; the model's stay."],
  "zoo.*.recording.bodies": ["new pods", "The recorder's pods restart; the model's stay."],
  "zoo.*.recording.redact": ["new pods", "The recorder's pods restart. What is stored already is not changed."],
  "zoo.*.recording.retentionDays": ["update", "A smaller number deletes the older predictions."],
  "zoo.*.recording.paused": ["update", "The recorder is removed from the way, or put back."],
  "zoo.*.judge": [
    "nothing",
    "An edit begins a new judgement with half of the risk that is left. The first judge of a stack adds the guard, and the last one removes it.",
  ],
  "zoo.*.judge.action": ["nothing", "The current judgement goes on, and its verdict has the new consequence."],
  "zoo.*.proof": ["nothing", "The next step to `forward` reads it."],
  "zoo.*.maxTokens": ["update", "New requests reserve the new number."],
  "zoo.*.paths": ["update", "The route changes. The pods of a recorder restart."],
  "zoo.*.pool": ["new pods"],
  "zoo.*.replicas": ["new pods", "The numbers are part of the pods' revision."],
  "zoo.*.replicas.target": [
    "update",
    "The autoscaler gets the new target. A target of another kind replaces the pods.",
  ],
  "zoo.*.replicas.idleMinutes": ["update", "It counts from the next request on."],
  "zoo.*.resources": ["new pods"],
  "zoo.*.env": ["new pods"],
  "zoo.*.state": ["new pods"],
  "zoo.*.mode": [
    "replace",
    "KServe does not change the mode in place. The old service answers until the new one does; with GPUs it is deleted first.",
  ],

  development: ["update", "A new entry is deployed beside the others."],
  "development.*": ["delete", "Removing the entry deletes the version with its service and patches."],
  "development.*.truss": [
    "update",
    "The running pod is patched where that is possible; else a full deployment replaces it. The preview says which.",
  ],
  "development.*.pool": ["replace", "A full deployment: the pod is deleted and made again, under the same version id."],
  "development.*.resources": [
    "replace",
    "A full deployment: the pod is deleted and made again, under the same version id.",
  ],
  "development.*.env": ["replace", "A full deployment: the pod is deleted and made again, under the same version id."],
  "development.*.mode": ["replace", "A full deployment: the pod is deleted and made again, under the same version id."],
  "development.*.takeover": ["nothing", "An `up` whose folder and running head both changed reads it."],
  "development.*.idleMinutes": ["update"],

  shadows: ["update", "A new deployment is added beside the others."],
  "shadows.*": ["delete", "Removing the entry deletes its models, its route and its recorded predictions."],
  "shadows.*.primary": ["new pods", "Other content or variables are a version of their own in what is recorded."],
  "shadows.*.primary.replicas": ["new pods", "The numbers are part of the pods' revision."],
  "shadows.*.primary.mode": [
    "replace",
    "The primary is deleted and made again; it does not answer until its new pod is ready.",
  ],
  "shadows.*.shadows": ["update", "A new shadow gets copies once it answers."],
  "shadows.*.shadows.*": ["delete", "Removing a shadow deletes its recorded predictions."],
  "shadows.*.shadows.*.truss": ["new pods", "Other content is a version of its own in what is recorded."],
  "shadows.*.shadows.*.pool": ["new pods"],
  "shadows.*.shadows.*.replicas": ["new pods", "The numbers are part of the pods' revision."],
  "shadows.*.shadows.*.resources": ["new pods"],
  "shadows.*.shadows.*.env": ["new pods", "Other variables are a version of their own in what is recorded."],
  "shadows.*.percent": ["update", "The route changes."],
  "shadows.*.noiseFloor": [
    "delete",
    "`true` adds a second copy of the primary; `false` removes it with its recorded predictions.",
  ],
  "shadows.*.paths": ["new pods", "The route changes; the pods of all sides restart."],
  "shadows.*.compare": ["nothing", "The next `menagerie compare` reads it from the stack's outputs."],
  "shadows.*.gate": ["nothing", "The next `menagerie compare` and the next step to `forward` read it."],
  "shadows.*.retentionDays": ["update", "A smaller number deletes the older predictions."],
  "shadows.*.redact": ["new pods", "The pods of all sides restart. What is stored already is not changed."],
  "shadows.*.storeHeaders": ["new pods", "The pods of all sides restart."],

  pools: ["update", "A new pool is added."],
  "pools.*": ["delete", "Removing a pool ends its nodes and the pods on them."],
  "pools.*.gpu": [
    "new pods",
    "Karpenter makes nodes of the new kind one by one; pods are evicted and start again there.",
  ],
  "pools.*.replicas": ["update", "Nodes are added; with fewer, empty nodes end first."],
  "pools.*.limits": ["update", "Nodes that are there stay."],
  "pools.*.instanceTypes": ["new pods", "Karpenter replaces nodes of other types one by one."],
  "pools.*.zones": ["new pods", "Karpenter replaces nodes in other zones one by one."],
  "pools.*.capacity": ["new pods", "The local nodes are made again."],
  "pools.*.taints": ["new pods", "Karpenter replaces the nodes one by one; the models of the pool get the toleration."],
  nodeClass: ["replace", "Another kind replaces every pool, with its nodes."],
  "nodeClass.role": ["new pods", "Karpenter replaces the nodes one by one; pods are evicted and start again."],
  "nodeClass.amiAlias": ["new pods", "Karpenter replaces the nodes one by one; pods are evicted and start again."],
  "nodeClass.subnetSelector": ["new pods", "Karpenter replaces nodes in other subnets one by one."],
  "nodeClass.securityGroupSelector": ["new pods", "Karpenter replaces the nodes one by one."],

  "gateway.api": ["replace", "Routes of the new kind are served first; the old ones are deleted last."],
  "gateway.name": ["update", "Routes attach to the other Gateway; clients of the old one get 404."],
  "gateway.url": ["update", "Outputs and printed addresses change."],
  "gateway.hosts": ["update", "Routes answer to these host names, and to no others."],
  gateway: ["update"],
  mesh: ["update", "Policies that keep the control servers to the API service are added or removed."],
  "mesh.keyCheck": [
    "update",
    "From this `up` on, requests at the gateway need a key; without the key of the config they no longer do.",
  ],
  networkPolicies: ["update", "NetworkPolicies are added, changed or removed; pods stay."],

  "serving.mode": ["replace", "As `zoo.<model>.mode`, for every model that does not choose its own."],
  "serving.readyTimeoutSeconds": ["nothing", "The next wait has the new limit."],
  "serving.requireApiKey": ["update", "The pods of the API service restart one by one."],
  serving: ["update"],

  dynamicSettings: ["update", "The ConfigMap changes; the application reads it again."],
  "dynamicSettings.namespace": [
    "replace",
    "The stack's keys leave the old ConfigMap and go into the one of the other namespace.",
  ],
  "dynamicSettings.name": ["replace", "The stack's keys leave the old ConfigMap and go into the other one."],
  "dynamicSettings.createNamespace": [
    "delete",
    "`false` deletes the namespace that the stack made, with everything in it.",
  ],
  "dynamicSettings.takeover": ["nothing", "It decides what happens to the next hand edit."],
  ratelimitEnabled: ["update", "Limits hold, or stop to hold, in running pods too."],
  modelZooDeploymentAutomationEnabled: [
    "nothing",
    "`false` keeps every zoo model as it is; `true` deploys what the config says.",
  ],
  secrets: [
    "update",
    "Running pods have a changed value in its file within about a minute. A removed one is refused while a model names it.",
  ],
  adminSecrets: ["new pods", "Models that mount the Secret restart."],

  database: ["update", "The program and the services connect to the new address. No data moves: move it first."],
  databasePassword: ["update"],
  postgresCluster: ["delete", "Removing the key deletes the cluster with its volumes. It is protected."],
  "postgresCluster.name": ["delete", "Another name is another cluster, which is empty."],
  "postgresCluster.namespace": ["delete", "Another namespace is another cluster, which is empty."],
  "postgresCluster.version": [
    "update",
    "The operator gets the new version; a major upgrade is a procedure of its own.",
  ],
  "postgresCluster.instances": ["update", "Replicas are added or removed."],
  "postgresCluster.storage": ["update", "Volumes grow where their StorageClass allows it. They never shrink."],
  "postgresCluster.backupStorage": ["update", "Volumes grow where their StorageClass allows it. They never shrink."],
  "postgresCluster.storageClass": ["update", "Kubernetes keeps the class of volumes that exist."],
  "postgresCluster.adminUser": ["update", "The operator makes the new user; what the old one owns stays with it."],
  previewDatabase: ["nothing", "The next preview reads it."],
  prometheus: ["update", "The pods of the API service restart one by one; autoscaled models ask the new address."],
  migrationTarget: ["nothing", "The next plan and the next move of apps use the other table or database."],
  "migrationTarget.guardUrl": ["update", "The guard restarts with the new login."],

  services: ["update"],
  "services.namespace": ["replace", "The API service, the guard and the console move; they do not answer meanwhile."],
  "services.image": ["new pods", "The services' pods restart one by one, and the recorders' pods with them."],
  "services.replicas": ["update", "Pods of the API service are added or ended."],
  "services.console": ["delete", "Adding the key adds the console's Deployment and Service; removing it deletes them."],
  "services.console.replicas": ["update", "Pods of the console are added or ended."],
  "services.console.host": ["update", "The console answers at the new host name, and at the old one no more."],
  "services.apiUrl": ["update", "Outputs and printed addresses change, and the program calls the service there."],
  "services.rateLimit": ["nothing", "It has no effect."],
  "services.uploads": [
    "update",
    "The pods of the API service restart. Uploads that are not built yet have to be sent again.",
  ],

  versioning: ["nothing", "The next release is named by it."],
  models: ["nothing", "The next release names these versions."],
  mlflow: ["nothing", "The next `up` asks this server."],
  state: ["new pods", "Models with `state: true` restart in the release's state. Removing the key drops nothing."],
  "state.schemas": ["new pods", "Other files are another state: tables of the next release are made by them."],
  "state.release": ["new pods", "Models with `state: true` restart in that state."],
  "state.tables": ["nothing", "The next state is seeded by it."],
  "state.extensions": ["update", "Missing extensions are made."],
  "state.source": ["nothing", "`menagerie data load` reads it."],
  "state.pipelines": ["update", "A pipeline with a schedule changes in place; one without runs for the next release."],
  "state.keep": [
    "delete",
    "A smaller number drops the oldest states at the end of the `up`, after a dump where `dumpTo` says so.",
  ],
  "state.parallel": ["nothing", "The next copy uses it."],
  "state.dumpTo": ["nothing", "The next state that is dropped is dumped there."],

  builds: ["nothing", "The next image is built by it; images that exist stay."],
  "builds.namespace": [
    "replace",
    "The builds' namespace is deleted and made again under the new name, with its pipeline.",
  ],
  "builds.credentials": ["update", "The next build, and pods that pull images, use the other Secret."],
  "builds.keep": ["update", "Older PipelineRuns are removed."],
};

/** The nearest entry: the key's own, or that of a key above it. */
export function changeOf(path: readonly string[]): KeyChange | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const found = keyChanges[path.slice(0, length).join(".")];
    if (found) return found;
  }
  return undefined;
}
