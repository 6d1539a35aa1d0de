import type { RefusalEntry } from "./entry.ts";

/** What a preview refuses once it has read folders, database and cluster. */
export const planRefusals = {
  "truss.not-a-folder": {
    says: '"{folder}" is not a folder of the project',
    fix: "give the folder that holds {file}",
    cause: "A model's content is a truss folder of the checkout.",
  },
  "truss.no-config": {
    says: '"{folder}" holds no {file}',
    fix: "give a truss folder, which has one",
    cause: "A truss is a folder with a config.yaml.",
  },
  "truss.no-control-server": {
    says: '"{folder}" has no control server, which takes patches',
    fix: "add use_control_plane: true to its {file}",
    cause: "A development version is patched in place, by the truss's control server.",
  },
  "smoke.wrong": {
    says: "{where} is wrong ({problem})",
    fix: "write a list of {input, output, tolerance}",
    cause: "A smoke set is a list of requests with the answers that are expected.",
  },
  "smoke.unreadable": {
    says: "{file} cannot be read ({reason})",
    fix: "give a YAML file in the truss folder",
    cause: "The smoke set lies beside the content that it tries.",
  },
  "zoo.rollout-without-database": {
    says: "a rollout needs the stack's database",
    fix: "give {database}, or remove the key",
    cause: "Which app points where, and what moved, are rows of the platform's database.",
  },
  "zoo.only-of-a-stack": {
    says: "only a stack of Menagerie's own program has it",
    fix: "leave it out, or declare the model in a stack's config",
    cause:
      "The apps that it names are counted before anything is declared, and a program's entries are not known by then.",
  },
  "zoo.hash-unknown": {
    says: "no version of {model} has the content {hash}, and {folder} has {found}",
    fix: "check out the folder that has it, or correct the key",
    cause: "A pinned content is that of a registered version, or of the folder.",
  },
  "zoo.image-gone": {
    says: "image {image} of version {number} is not stored any more, and {folder} has another content ({found})",
    fix: "check out {folder} as it was then, `menagerie releases` shows the commit, and it is built again",
    cause: "Pods pull the image of a pinned content from the store or registry; without it they would never start.",
  },
  "zoo.image-lost": {
    says: "image {image} of version {number} is not stored any more, so no pod of it can start again, and {users}",
    fix: "{change}",
    cause:
      "A warning. Pods that run go on; one that starts anew, on another node or after a failure, pulls the image from the store or registry.",
  },
  "zoo.removed-in-use": {
    says: "is not in the config any more, and {point} at it",
    fix: "put it back while they do",
    cause: "Apps answer with the version that they point at.",
  },
  "zoo.renamed-in-use": {
    says: 'is not in the config any more, {point} at it, and "{to}" with the same content is a new model',
    fix: "keep {model} while apps point at it",
    cause:
      "Versions, apps and evidence belong to a model's name: a renamed model begins at version 1, and no app follows.",
  },
  "zoo.removed-under-way": {
    says: "is not in the config any more, and its rollout is in phase {phase}",
    fix: "put it back, and finish or revert it",
    cause: "Apps may be on either side of a rollout under way.",
  },
  "zoo.serving-not-recorded": {
    says: "how version {number} is served was not recorded",
    fix: "put the model back into the config",
    cause: "An older Menagerie registered the version without that.",
  },
  "limits.tokens-not-counted": {
    says: "{holder} has a limit of tokens, and nobody counts those of {model} at the gateway",
    fix: "{change}, or remove the limit by `menagerie {command} limits {name} --tokens-per-minute none --tokens-per-day none`",
    cause:
      "Answers at the gateway go from the model to the client, and only the model's recorder sees the tokens that they tell of.",
  },
  "development.pushed-name": {
    says: "a client has pushed a development version of this name",
    fix: "choose another name",
    cause: "What clients push belongs to the API service, and no stack may take it over.",
  },
  "development.not-planned": {
    says: "{problem}",
    fix: "{fix}",
    cause: "The folder and what runs have gone different ways.",
  },
  "migration.map": {
    says: "{problem}",
    fix: "{fix}",
    cause: "The rollouts together must say for each version where its apps go, once.",
  },
  "migration.refused": {
    says: "{problem}",
    fix: "{fix}",
    cause: "The rows of apps could not be moved, or not moved back, as things stand in the database.",
  },
  "target.url-missing": {
    says: "missing",
    fix: "run `{command}`, or set {variable}",
    cause: "The table of apps is in another database, whose address is a secret.",
  },
  "target.guard-database": {
    says: 'names the database "{found}", and apps are in "{database}"',
    fix: "give the guard's url of that database",
    cause: "The guard takes apps back in the table that migrations move them in.",
  },
  "target.guard-is-migrator": {
    says: 'names "{user}", the migrations\' own login',
    fix: "give the guard a login of its own, without rights",
    cause: "The guard may take apps back and nothing else, so it does not act as the login that moves any row.",
  },
  "target.guard-unknown": {
    says: 'the database has no login "{role}"',
    fix: "run CREATE ROLE {quoted} LOGIN PASSWORD '…'; `up` grants it what it needs",
    cause: "`up` lets the guard's login use one function there, and makes no logins in a database of others.",
  },
  "target.version-unknown": {
    says: '{table} has no version "{id}"',
    fix: "it was deleted, or the id is wrong",
    cause: "The ids of `apps` are those of the existing database's table.",
  },
  "target.table": {
    says: "{problem}",
    fix: "{fix}",
    cause: "The table is not as `menagerie:migrationTarget` says, or the login may not read it.",
  },
  "secrets.not-in-the-cluster": {
    says: '{folder} names the secret {name}, which Secret "{secret}" in namespace "{namespace}" does not hold{absent}',
    fix: "set it with `{command}`",
    cause: "The model's pods would not start without it.",
  },
  "secrets.bad-name": {
    says: "{folder} names the secret {name}, which is not a name of a Secret's key",
    fix: "use letters, digits, - _ and . in its config.yaml",
    cause: "Secrets of a model are keys of a Kubernetes Secret.",
  },
  "secrets.unreadable": {
    says: 'whether Secret "{secret}" in namespace "{namespace}" holds what the trusses name cannot be checked: {reason}',
    fix: "{fix}",
    cause: "The cluster does not answer, or the kubeconfig's user may not read Secrets there.",
  },
  "cluster.silent": {
    says: "the cluster does not say what it serves: {reason}",
    fix: "{fix}",
    cause: "An `up` whose kinds the cluster does not know would fail halfway.",
  },
  "cluster.api-not-served": {
    says: "the cluster does not serve {api}",
    fix: "{help}",
    cause: "The stack declares objects of an operator that the cluster does not have.",
  },
  "gateway.absent": {
    says: "the cluster has no Gateway {name} of gateway.networking.k8s.io",
    fix: "create it, or name one of kubectl get gateways.gateway.networking.k8s.io -A",
    cause: "HTTPRoutes answer no request until they are attached to a Gateway.",
  },
  "gateway.class-absent": {
    says: "Gateway {name} has the class {class}, which the cluster does not have",
    fix: "correct its gatewayClassName, or install what serves the class",
    cause: "Nothing serves a Gateway without its class.",
  },
  "gateway.closed": {
    says: "no listener of Gateway {name} lets HTTPRoutes of namespace {namespace} attach",
    fix: "set allowedRoutes.namespaces of a listener to {from: All}, or to a selector of that namespace",
    cause: "By default a listener takes routes of the Gateway's own namespace only.",
  },
  "gateway.feature": {
    says: "needs {feature}, which GatewayClass {class} does not list among its supportedFeatures",
    fix: "use a Gateway of another class, or {instead}",
    cause: "Such a route would be refused, or served without what it says.",
  },
  "gateway.no-shares": {
    says: "HTTPRoutes of the cluster (Gateway API {version}) know no share of a mirror, so every request would be copied",
    fix: "install Gateway API {since} or later, or remove the key",
    cause: "An API server drops fields that its CRDs do not have.",
  },
  "gateway.not-istio": {
    says: "GatewayClass {class} is served by {controller}, which does not read Istio's AuthorizationPolicy, so no key would be asked for",
    fix: "use a Gateway of a class of Istio's, or remove the key",
    cause: "Only Istio's gateways ask for keys by the rule that the stack declares.",
  },
  "mesh.gateway-labels": {
    says: "{labels} are labels of no pod in namespace {namespace}, so no key would be asked for",
    fix: "give those of the gateway's pods (kubectl get pods -n {namespace} --show-labels)",
    cause: "The rule that asks for keys applies to the pods with these labels.",
  },
  "mesh.trust-domain": {
    says: '"{domain}" is not the mesh\'s, so the API service could not reach development versions',
    fix: "use {domains}",
    cause: "Istio names accounts with the mesh's trust domain.",
  },
  "mesh.provider-unknown": {
    says: 'Istio\'s MeshConfig has no extension provider "{provider}" (it {known}), so the gateway would refuse every request to a model',
    fix: "add it as docs/operations.md says",
    cause: "Istio refuses what it should have checked by a provider that it does not know.",
  },
  "mesh.provider-without-claims": {
    says: 'extension provider "{provider}" of Istio\'s MeshConfig does not pass {header} on, so tokens at the gateway are not counted, and limits of tokens count each request as it was reserved',
    fix: "add it to headersToUpstreamOnAllow, as docs/operations.md says",
    cause: "A warning. By this header the API service tells a model's recorder whose tokens an answer takes.",
  },
  "mesh.provider-without-organizations": {
    says: 'extension provider "{provider}" of Istio\'s MeshConfig does not pass {header} on, so recordings do not hold whose requests at the gateway are',
    fix: "add it to headersToUpstreamOnAllow, as docs/operations.md says",
    cause:
      "A warning. By this header the API service tells a model's recorder whose a request is, by which samples are of one organization.",
  },
  "database.tables-lost": {
    says: "{host}:{port} does not have the platform's tables, which the last `up` left at {version}",
    fix: "correct the address or restore a backup, or set MENAGERIE_NEW_DATABASE=true to begin with empty tables, without apps, keys and history",
    cause: "The address may lead to another server; and what was in the tables cannot be made again.",
  },
  "rights.whole-run-first": {
    says: "the state of this stack holds the grants of an earlier version",
    fix: "run `up` once without --target and --exclude, then run this again",
    cause:
      "A version before migration 0050 had a resource for each grant. They leave by an `up` of the whole stack: in a partial run, what depends on them would lose them from the state.",
  },
  "database.variable-missing": {
    says: "{variable} is not set, which says where this stack's database is",
    fix: "set MENAGERIE_DATABASE_URL and MENAGERIE_DATABASE_ADDRESS (host:port, as pods reach it), as for the last `up`, or run through `menagerie`",
    cause:
      "The value of a variable stands in no state, so a shell without it does not know the database, and would delete what is in it.",
  },
  "database.password-missing": {
    says: "missing",
    fix: "run {command}, or set MENAGERIE_DATABASE_URL",
    cause: "An `up` works in the platform's database.",
  },
  "database.unreachable": {
    says: "{problem}",
    fix: "{fix}or set menagerie:previewDatabase to optional, to preview without it",
    cause: "A preview reads from the database what an `up` would do.",
  },
} as const satisfies Record<string, RefusalEntry>;
