import type { DevelopmentSpec, EnvironmentSpec, ZooEntrySpec } from "../config/environment.ts";
import type { PipelineSpec } from "../config/pipelines.ts";
import { keyPath } from "../config/sentences.ts";
import { declaredStateOf } from "../config/state.ts";
import { about, refusal, refusalsOf, refused } from "../domain/refusals/refusal.ts";
import type { SecretSource } from "../domain/serving/secrets.ts";
import { copyName } from "../domain/zoo/plan.ts";
import type { ZooRegistry } from "../domain/zoo/registry.ts";
import type { SmokeCase } from "../domain/zoo/smoke.ts";
import { needsContent } from "../plan/content.ts";
import { type KnownDevelopments, type PlannedDevelopment, plannedDevelopments } from "../plan/development.ts";
import { withMigrations } from "../plan/migrations.ts";
import { type PlannedPipeline, planPipelines } from "../plan/pipelines.ts";
import type { PlatformPlan } from "../plan/platform.ts";
import { proofSamples } from "../plan/proofSamples.ts";
import { type PlannedRelease, planEnvironmentRelease, type ReleaseSources } from "../plan/release.ts";
import { placedSecrets, type SecretUser } from "../plan/secrets.ts";
import { smokeSets } from "../plan/smoke.ts";
import { planState } from "../plan/state.ts";
import { type DeclaredTruss, declaredTrussSync } from "../plan/trusses.ts";
import { planZoo } from "../plan/zoo.ts";
import type { ZooModelPlan } from "../plan/zooModel.ts";
import type { DeclaredState } from "./declaredSection.ts";
import type { PlannedMove, Plans, StatePlanOf } from "./plans.ts";
import { told, toldLater } from "./told.ts";

/** What was read before the first component is declared. */
export interface ReadBefore {
  /** Folder that truss folders are relative to. */
  readonly project: string;
  /** Undefined for an environment without a database. */
  readonly platform: PlatformPlan | undefined;
  readonly developments: KnownDevelopments;
  readonly release: ReleaseSources;
  /** Keys of the cluster's own Secret, undefined where there is none; throws where it could not be read. */
  readonly secretKeys: () => readonly string[] | undefined;
}

/** Plans of what a program declares, made when it is declared: nobody knows before what there will be. */
export class PlansOnDemand implements Plans {
  readonly #read: ReadBefore;
  readonly #spec: () => EnvironmentSpec;
  /** By folder, and whether it has to be one that is patched. */
  readonly #trusses = new Map<string, DeclaredTruss>();
  readonly #smoke = new Map<string, readonly SmokeCase[]>();
  readonly #samples = new Map<string, readonly string[]>();
  readonly #zoo = new Map<string, ZooModelPlan>();
  readonly #closed = Promise.withResolvers<void>();

  /** @param spec - what is declared by now */
  constructor(read: ReadBefore, spec: () => EnvironmentSpec) {
    this.#read = read;
    this.#spec = spec;
  }

  zooModel(name: string, entry: ZooEntrySpec): ZooModelPlan {
    return told(() => {
      this.#requireRead(name, entry);
      const spec = this.#spec();
      const { platform, project } = this.#read;
      const own = smokeSets({ [name]: entry }, project).get(name);
      if (own) this.#smoke.set(name, own);
      for (const [model, samples] of proofSamples({ [name]: entry }, project)) this.#samples.set(model, samples);
      const sources = {
        platform: platform && { ...platform, registry: registryOf(platform.registry, Object.keys(spec.zoo)) },
        hashes: this.#hashes(spec),
        secretsOf: (truss: string) => this.#truss(truss, ["zoo", name, "truss"], false).secrets,
        smoke: this.#smoke,
        proofSamples: this.#samples,
      };
      const plan = planZoo(spec, sources).get(name);
      if (!plan) throw new Error(`${name} was not planned`);
      this.#zoo.set(name, plan);
      return plan;
    });
  }

  /** A release that the program keeps is declared by its own component: none is retired here. */
  state(tag: string, declared: DeclaredState): Promise<StatePlanOf> {
    return toldLater(async () => {
      const state = declaredStateOf(declared);
      const { platform, release } = this.#read;
      const deployment = { tag, environment: release.environment, planned: [] };
      const plan = await planState({ state }, platform, deployment, release.lastOutputs);
      if (!plan) throw new Error(`the state of ${tag} was not planned`);
      return { ...plan.current, description: plan.description };
    });
  }

  /** Whether it ran is the handler's to know: nobody read the journal. */
  pipeline(name: string, spec: PipelineSpec): Promise<PlannedPipeline> {
    return toldLater(async () => {
      const [planned] = await planPipelines({ pipelines: { [name]: spec } }, []);
      if (!planned) throw new Error(`pipeline ${name} was not planned`);
      return planned;
    });
  }

  /** A program's release is what it has declared by then. */
  release(): Promise<PlannedRelease> {
    return toldLater(async () => {
      await this.#closed.promise;
      const release = await planEnvironmentRelease(this.#spec(), this.#read.platform, this.#zoo, this.#read.release);
      if (!release) throw new Error("a release needs the platform's database");
      return release;
    });
  }

  closeRelease(): void {
    this.#closed.resolve();
  }

  /** Asks the database, which takes its time; a move that would be refused fails the preview. */
  move(plan: ZooModelPlan): PlannedMove {
    const { name, migration, targetApps, lines } = plan;
    if (!migration && !targetApps?.migration) return { own: undefined, target: undefined, lines: [] };
    const planned = toldLater(async () => {
      const moved = (await withMigrations(new Map([[name, plan]]), this.#read.platform)).get(name);
      if (!moved) throw new Error(`the moves of ${name} were not planned`);
      return moved;
    });
    return {
      own: planned.then((moved) => moved.migration?.due),
      target: planned.then((moved) => moved.targetApps?.migration?.due),
      lines: planned.then((moved) => moved.lines.slice(lines.length)),
    };
  }

  development(name: string, version: DevelopmentSpec): PlannedDevelopment {
    return told(() => {
      const folderOf = (truss: string) => this.#truss(truss, ["development", name, "truss"], true);
      const plan = plannedDevelopments({ [name]: version }, folderOf, this.#read.developments).get(name);
      if (!plan) throw new Error(`${name} was not planned`);
      return plan;
    });
  }

  truss(folder: string, path: readonly string[]): DeclaredTruss {
    return told(() => this.#truss(folder, path, path[0] === "development"));
  }

  secrets(user: SecretUser): readonly SecretSource[] | undefined {
    if (user.serving.secrets.length === 0) return undefined;
    return told(() => {
      const { namespace, adminSecrets } = this.#spec();
      const keys = this.#read.secretKeys();
      const inCluster = (name: string): string =>
        keys
          ? `kubectl -n ${namespace} patch secret ${adminSecrets} -p '{"stringData":{"${name}":"<value>"}}'`
          : `kubectl -n ${namespace} create secret generic ${adminSecrets} --from-literal=${name}=<value>`;
      return placedSecrets(this.#spec(), [user], keys, inCluster).get(user.service);
    });
  }

  /** What only a stack reads before, since it knows all entries by then. */
  #requireRead(name: string, { leave, apps }: ZooEntrySpec): void {
    const given = [...(leave.length > 0 ? ["leave"] : []), ...(apps ? ["apps"] : [])];
    if (given.length > 0) {
      throw refused(given.map((key) => refusal("zoo.only-of-a-stack", keyPath(["zoo", name, key]))));
    }
  }

  #hashes({ zoo }: EnvironmentSpec): Map<string, string> {
    const needed = Object.entries(zoo).filter(([, entry]) => needsContent(entry));
    return new Map(
      needed.map(([name, { truss }]) => [truss, this.#truss(truss, ["zoo", name, "truss"], false).hash] as const),
    );
  }

  #truss(folder: string, path: readonly string[], isPatched: boolean): DeclaredTruss {
    const key = `${folder} ${isPatched}`;
    const known = this.#trusses.get(key);
    if (known) return known;
    try {
      const read = declaredTrussSync(folder, this.#read.project, isPatched);
      this.#trusses.set(key, read);
      return read;
    } catch (error) {
      throw refused(refusalsOf(error).map((each) => about(keyPath(path), each)));
    }
  }
}

/** What concerns these models: what else the database has may be declared later, or by somebody else. */
function registryOf(registry: ZooRegistry, models: readonly string[]): ZooRegistry {
  const { versions, rollouts, evidence, takenBack = [], resumed = [] } = registry;
  const named = new Set([...models, ...models.map(copyName)]);
  return {
    versions: new Map([...versions].filter(([name]) => named.has(name))),
    rollouts: new Map([...rollouts].filter(([name]) => named.has(name))),
    evidence: evidence.filter(({ model }) => named.has(model)),
    takenBack: takenBack.filter(({ model }) => named.has(model)),
    resumed: resumed.filter(({ model }) => named.has(model)),
  };
}
