import * as kubernetes from "@pulumi/kubernetes";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { urlOf } from "../adapters/postgres/server.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { builtInPool } from "../config/pools.ts";
import type { StackPipeline } from "../domain/builds/stackPipeline.ts";
import { platformDatabase } from "../domain/platformDatabase.ts";
import { apiUrlInCluster } from "../domain/serving/apiService.ts";
import { isIstioGateway } from "../domain/serving/copyLimits.ts";
import { counterAccessName } from "../domain/serving/counterAccess.ts";
import { idleConnectionsManifest } from "../domain/serving/idleConnections.ts";
import { placementOn } from "../domain/serving/placement.ts";
import { developmentPriority } from "../domain/serving/priorityClass.ts";
import { namespaceOfGateway } from "../domain/serving/route.ts";
import type { GatewayCounters, Placement } from "../domain/serving/servedModel.ts";
import type { ExistingTable } from "../domain/zoo/existingTable.ts";
import { engineAbove } from "../plan/engineAbove.ts";
import { CheckoutImage } from "../resources/checkoutImage.ts";
import type { ImageBuilder } from "../resources/trussImage.ts";
import { declareCounterAccess } from "./counterAccess.ts";
import type { DeclaredSection, Grow, SpecOf } from "./declaredSection.ts";
import type { EnvironmentFacts } from "./facts.ts";
import { given } from "./given.ts";
import { growing } from "./growing.ts";
import { declared } from "./ownership.ts";
import type { DeclaredOutputs, DeclaredPool, EnvironmentParts, LoginRole } from "./parts.ts";
import { type Plans, StackPlans } from "./plans.ts";
import { PlansOnDemand } from "./plansOnDemand.ts";
import { type EnvironmentOptions, readOptions } from "./read.ts";
import { readStack } from "./readStack.ts";
import { refuse } from "./refusals.ts";
import { type StackRun, stackRun } from "./stackRun.ts";
import { told, toldLater } from "./told.ts";

const providerOf = { cluster: kubernetes.Provider, postgres: postgresql.Provider };

/**
 * An environment as it was read before anything is declared, and what is declared on it: every component gets it, plans by what was read,
 * and finds in it what was declared before.
 *
 * @example
 * const environment = await Environment.read({ namespace: "models", database, gateway });
 * const iris = new ModelZooEntry("iris", { environment, truss: "models/iris", phase: "done" });
 */
export class Environment {
  readonly parts: EnvironmentParts = {
    ready: [],
    ofRelease: [],
    builder: undefined,
    tables: undefined,
    services: undefined,
    state: undefined,
    shared: undefined,
    releases: [],
    stores: {},
    pseudonyms: undefined,
  };
  // Private, so that an environment that is printed, or given to a resource by mistake, shows nothing of the database's password.
  readonly #facts: EnvironmentFacts;
  readonly #plans: Plans;
  #spec: EnvironmentSpec;
  readonly #outputs: DeclaredOutputs = { models: {}, rollouts: {}, shadows: {}, recordings: {} };
  readonly #grow: Grow | undefined;
  readonly #stack = pulumi.getStack();
  readonly #names = new Set<string>();
  readonly #pools = new Map<string, DeclaredPool>();
  #cluster: kubernetes.Provider | undefined;
  #postgres: postgresql.Provider | undefined;
  #priority: kubernetes.scheduling.v1.PriorityClass | undefined;
  readonly #images = new Map<string, CheckoutImage>();
  #counterAccess: pulumi.Resource | undefined;
  /** Namespaces whose idle connections end at the gateway. */
  readonly #idle = new Set<string>();

  /**
   * Reads an environment for components of this program, by questions that change nothing; what could not be checked is told as warnings.
   *
   * @throws RunError for options that are wrong, and for a database that does not answer
   */
  static async read(options: EnvironmentOptions = {}): Promise<Environment> {
    const { raw, spec, defaults, facts, before } = await toldLater(() => readOptions(options, stackRun(engineAbove())));
    const plans: Plans = new PlansOnDemand(before, () => environment.spec);
    const environment: Environment = new Environment(spec, facts, plans, growing(raw, defaults));
    return environment;
  }

  /** Reads the environment that a stack of this project declares as a whole. */
  static async ofStack(spec: EnvironmentSpec, run: StackRun): Promise<Environment> {
    return new Environment(spec, await readStack(spec, run));
  }

  /**
   * @param grow - checks what components declare, one after the other.
   *   Default: `spec` has all of it, checked as a whole.
   */
  constructor(spec: EnvironmentSpec, facts: EnvironmentFacts, plans: Plans = new StackPlans(facts), grow?: Grow) {
    this.#spec = spec;
    this.#facts = facts;
    this.#plans = plans;
    this.#grow = grow;
  }

  /** What was read before anything was declared. */
  get facts(): EnvironmentFacts {
    return this.#facts;
  }

  /** What components ask before they declare anything. */
  get plans(): Plans {
    return this.#plans;
  }

  /** What is declared by now, in the config's own words, its defaults filled in. */
  get spec(): EnvironmentSpec {
    return this.#spec;
  }

  /** Name of the stack that it was read for. */
  get stack(): string {
    return this.#stack;
  }

  /**
   * Takes an entry of one of the config's sections, and answers it checked against everything that was declared before, its defaults
   * filled in. Each name is taken once.
   *
   * @throws OperatorError with a line for each mistake, as `menagerie validate` has it.
   */
  declare<Section extends DeclaredSection>(section: Section, name: string, entry: object): SpecOf<Section> {
    const key = `${section} ${name}`;
    const grow = this.#grow;
    if (this.#names.has(key)) throw refuse("component.name-taken", { kind: section, name });
    this.#names.add(key);
    if (this.#stack !== pulumi.getStack()) throw refuse("component.other-stack", { kind: section, name });
    if (grow) this.#spec = told(() => grow(section, name, entry));
    const declared = this.#spec[section][name];
    // What only the database knows, as of a model whose automation is off.
    return (declared ?? entry) as SpecOf<Section>;
  }

  /**
   * What is declared by now, for the program to export: the next preview's plans begin from it where they may not ask the database, and
   * `menagerie status` shows it.
   */
  get outputs(): DeclaredOutputs {
    return this.#outputs;
  }

  /** Provider of the cluster that `kubeContext` names. */
  get cluster(): kubernetes.Provider {
    this.#cluster ??= new kubernetes.Provider("cluster", {
      // As kubectl finds it, wherever this runs. Without a value the SDK would record the path in KUBECONFIG of whoever ran the last
      // `up`, which elsewhere, as in a CI, shows as a change, or fails where there is no such file.
      kubeconfig: "",
      // Else a ConfigMap with a fixed name is deleted and made again under its readers when its data changes.
      enableConfigMapMutable: true,
      enableSecretMutable: true,
      ...this.inCluster,
    });
    return this.#cluster;
  }

  /** Provider of databases, schemas and roles. */
  get postgres(): postgresql.Provider {
    const { server } = this.platform;
    this.#postgres ??= new postgresql.Provider("database", {
      host: server.host,
      port: server.port,
      username: server.user,
      ...(server.password === undefined ? {} : { password: pulumi.secret(server.password) }),
      database: server.maintenanceDatabase,
      sslmode: server.sslMode,
    });
    return this.#postgres;
  }

  /** Whether it has a database, and so registered versions, rollouts and releases. */
  get hasDatabase(): boolean {
    return this.facts.platform !== undefined;
  }

  /** What was read of the platform's database. */
  get platform(): NonNullable<EnvironmentFacts["platform"]> {
    const { platform } = this.facts;
    if (!platform) throw new Error("the environment has no database");
    return platform;
  }

  /**
   * Secret url of the database's server for handlers; undefined where MENAGERIE_DATABASE_URL names it, so that they find it there too,
   * and its value stands in no state.
   */
  get database(): pulumi.Output<string> | undefined {
    const { server, fromEnvironment } = this.platform;
    return fromEnvironment ? undefined : pulumi.secret(urlOf(server, server.maintenanceDatabase));
  }

  /** For handlers that work in the database, where the environment has one. */
  get onDatabase(): { readonly database?: pulumi.Output<string> } {
    return given({ database: this.hasDatabase ? this.database : undefined });
  }

  /** For handlers that move rows of `menagerie:migrationTarget`: its table, and the secret url where the shell does not have it. */
  get onTarget(): { readonly target?: ExistingTable; readonly targetUrl?: pulumi.Output<string> } {
    const { target } = this.platform;
    if (!target) return {};
    const { connection, url } = target;
    return given({ target: given(connection.existing), targetUrl: url === undefined ? undefined : pulumi.secret(url) });
  }

  /**
   * Whether the gateway may learn that pods are ready later than of a route that leads to them. Where the stack has a say in it, it does
   * not; see `readyAtOnce`.
   */
  get gatewayLags(): boolean {
    return !this.facts.isEmbedded && this.spec.mesh?.keyCheck === undefined;
  }

  /** For handlers that ask the cluster. */
  get inCluster(): { readonly context?: string } {
    return given({ context: this.spec.kubeContext });
  }

  /** The platform's tables, to wait for, where this program declares them. */
  get tables(): readonly pulumi.Resource[] {
    return this.parts.tables ? [this.parts.tables] : [];
  }

  /** PriorityClass of development versions, below that of models with users. */
  developmentPriority(): kubernetes.scheduling.v1.PriorityClass {
    const priority = developmentPriority(this.spec.namespace);
    this.#priority ??= new kubernetes.scheduling.v1.PriorityClass(
      "development",
      { ...priority, metadata: declared(priority.metadata) },
      { provider: this.cluster },
    );
    return this.#priority;
  }

  /**
   * Has the gateway end idle connections to the Services of a namespace before their pods do, where Istio is behind it.
   * @param after - default: the models' namespace
   */
  endIdleConnections(namespace: string, after: readonly pulumi.Resource[] = this.parts.ready): void {
    if (this.#idle.has(namespace) || !(this.facts.isEmbedded || isIstioGateway(this.spec))) return;
    this.#idle.add(namespace);
    const { metadata, ...rule } = idleConnectionsManifest(namespace);
    new kubernetes.apiextensions.CustomResource(
      `${namespace}-idle-connections`,
      { ...rule, metadata: declared(metadata) },
      { provider: this.cluster, dependsOn: [...after] },
    );
  }

  /**
   * What autoscalers of models read the gateway's counters from, and what must be there before; undefined where the environment names
   * no Prometheus.
   */
  gatewayCounters(): { readonly counters: GatewayCounters; readonly access: readonly pulumi.Resource[] } | undefined {
    const { prometheus, gateway, namespace, services } = this.spec;
    if (!prometheus) return undefined;
    const gatewayNamespace = namespaceOfGateway(gateway, namespace);
    const counters = { url: prometheus.url, gatewayNamespace, servicesNamespace: services.namespace };
    const { prometheusToken } = this.facts;
    if (!prometheusToken) return { counters, access: [] };
    this.#counterAccess ??= declareCounterAccess(namespace, prometheusToken, {
      provider: this.cluster,
      dependsOn: [...this.parts.ready],
    });
    return { counters: { ...counters, authentication: counterAccessName }, access: [this.#counterAccess] };
  }

  /** What workloads are told whatever the release: the database's server and the API service, as pods reach them. */
  get inEveryRelease() {
    const { host, port, sslMode } = this.spec.database ?? this.platform.server;
    return { database: { host, port, sslMode }, apiUrl: apiUrlInCluster(this.spec.services.namespace) };
  }

  /** What builds images: by the environment's `builds`, whichever program declares what that names. */
  get builder(): ImageBuilder {
    if (this.parts.builder) return this.parts.builder;
    return this.spec.builds.kind === "directory"
      ? { builder: "directory" }
      : { builder: "tekton", pipeline: this.buildPipeline };
  }

  /** The Pipeline that the environment's `builds` names, as handlers start it. */
  get buildPipeline(): StackPipeline {
    const { namespace, timeoutMinutes, keep, repository, credentials } = this.spec.builds;
    return { namespace, timeoutMinutes, keep, ...given({ repository, credentials }), ...this.inCluster };
  }

  /** Url of the platform's database for a login, as the cluster's pods reach it. A secret. */
  urlFor({ name, password }: LoginRole): pulumi.Output<string> {
    const { server } = this.platform;
    const { host, port, sslMode } = this.spec.database ?? server;
    return pulumi.secret(
      password.apply((text) => urlOf({ ...server, host, port, sslMode, user: name, password: text }, platformDatabase)),
    );
  }

  /** Image of one of the services, such as `recorder`: `services.image`, or that of the checkout. */
  serviceImage(service: string): pulumi.Input<string> {
    const { image } = this.spec.services;
    if (image !== undefined) return image;
    const known = this.#images.get(service);
    if (known) return known.image;
    const made = new CheckoutImage(service, {
      name: service,
      entry: `src/services/${service}/main.ts`,
      hash: this.checkoutHash,
    });
    this.#images.set(service, made);
    return made.image;
  }

  /** Content hash of the services' code, for an image that is made of the checkout. */
  get checkoutHash(): string {
    const { serviceHash } = this.facts;
    if (serviceHash === undefined) throw refuse("component.services-image", {});
    return serviceHash;
  }

  /** Adds a node pool that models may name. */
  declarePool(name: string, pool: DeclaredPool): void {
    this.#pools.set(name, pool);
  }

  /** Where pods of a model of `pool` run, and the pool's own resource where there is one. */
  nodesOf(pool: string): { readonly placement: Placement; readonly resources: readonly DeclaredPool[] } {
    const declared = this.#pools.get(pool);
    if (declared) return { placement: declared.placement, resources: [declared] };
    if (pool !== builtInPool) throw refuse("component.pool-undeclared", { pool });
    return { placement: placementOn(builtInPool, []), resources: [] };
  }

  /** Options of a component of the environment: its providers, where the program names no others, and what it waits for. */
  options(
    own: pulumi.ComponentResourceOptions = {},
    dependsOn: readonly pulumi.Resource[],
    kinds: readonly ("cluster" | "postgres")[] = ["cluster"],
  ): pulumi.ComponentResourceOptions {
    const named = [...Object.values(own.providers ?? {}), ...(own.provider ? [own.provider] : [])];
    const providers = kinds
      .filter((kind) => !named.some((each) => each instanceof providerOf[kind]))
      .map((kind): pulumi.ProviderResource => this[kind]);
    return pulumi.mergeOptions({ providers, dependsOn: [...dependsOn] }, own);
  }
}
