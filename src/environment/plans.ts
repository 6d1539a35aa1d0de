import type * as pulumi from "@pulumi/pulumi";
import type { DevelopmentSpec, ZooEntrySpec } from "../config/environment.ts";
import type { PipelineSpec } from "../config/pipelines.ts";
import type { PlannedState } from "../domain/release/plannedState.ts";
import type { SecretSource } from "../domain/serving/secrets.ts";
import type { PlannedDevelopment } from "../plan/development.ts";
import type { PlannedPipeline } from "../plan/pipelines.ts";
import type { PlannedRelease } from "../plan/release.ts";
import type { SecretUser } from "../plan/secrets.ts";
import type { ZooModelPlan } from "../plan/zooModel.ts";
import type { DeclaredState } from "./declaredSection.ts";
import type { EnvironmentFacts } from "./facts.ts";

/** What a truss folder holds, as far as what serves it depends on it. */
export interface TrussContent {
  /** Content hash: 64 hex digits. */
  readonly hash: string;
  /** Names of the secrets that it reads. */
  readonly secrets: readonly string[];
}

/** The rows that a model's phase moves. */
export interface PlannedMove {
  /** Rows of the platform's own move with this `up`. */
  readonly own: pulumi.Input<true | undefined>;
  /** Rows of `menagerie:migrationTarget` do. */
  readonly target: pulumi.Input<true | undefined>;
  /** What moves, for the preview. */
  readonly lines: pulumi.Input<readonly string[]>;
}

/** The state of one release. */
export interface StatePlanOf extends PlannedState {
  /** In a few words, such as `seeded from v1.2.2`; undefined for a release that is kept. */
  readonly description?: string;
}

/** What components ask before they declare anything. Answers at once: what an answer needs was read before. */
export interface Plans {
  /** @throws OperatorError for an entry that an `up` would refuse. */
  zooModel(name: string, entry: ZooEntrySpec): ZooModelPlan;
  move(plan: ZooModelPlan): PlannedMove;
  /** @throws OperatorError for a version that an `up` would refuse. */
  development(name: string, version: DevelopmentSpec): PlannedDevelopment;
  /**
   * @param path - of the config's key that names the folder, for sentences about it
   * @throws OperatorError for a folder that holds no valid truss
   */
  truss(folder: string, path: readonly string[]): TrussContent;
  /** What the state of a release is seeded from. @throws OperatorError for a state that an `up` would refuse. */
  state(tag: string, declared: DeclaredState): StatePlanOf | Promise<StatePlanOf>;
  /** What a pipeline of the current release would run. */
  pipeline(name: string, spec: PipelineSpec): PlannedPipeline | Promise<PlannedPipeline>;
  /** What the deployment is, once it is closed. */
  release(): PlannedRelease | Promise<PlannedRelease>;
  /** Says that everything which the deployment is made of was declared. */
  closeRelease(): void;
  /** @throws OperatorError for a secret that is nowhere. */
  secrets(user: SecretUser): readonly SecretSource[] | undefined;
}

/** Plans that were made of a stack as a whole, so that everything it would be refused for is told at once. */
export class StackPlans implements Plans {
  readonly #facts: EnvironmentFacts;

  constructor(facts: EnvironmentFacts) {
    this.#facts = facts;
  }

  zooModel(name: string): ZooModelPlan {
    return told(this.#facts.zoo.get(name), `the plan of ${name}`);
  }

  /** Its lines are those of the plan. */
  move({ migration, targetApps }: ZooModelPlan): PlannedMove {
    return { own: migration?.due, target: targetApps?.migration?.due, lines: [] };
  }

  development(name: string): PlannedDevelopment {
    return told(this.#facts.development?.get(name), `the plan of ${name}`);
  }

  truss(folder: string): TrussContent {
    return { hash: told(this.#facts.trussHashes.get(folder), `the hash of ${folder}`), secrets: [] };
  }

  state(tag: string): StatePlanOf {
    const { current, kept, description } = told(this.#facts.state, "the states of releases");
    if (current.tag === tag) return { ...current, description };
    return told(
      kept.find((each) => each.tag === tag),
      `the state of ${tag}`,
    );
  }

  pipeline(name: string): PlannedPipeline {
    return told(
      this.#facts.state?.pipelines.find((each) => each.name === name),
      `the plan of pipeline ${name}`,
    );
  }

  release(): PlannedRelease {
    return told(this.#facts.release, "the release");
  }

  /** It was planned with the stack. */
  closeRelease(): void {}

  secrets({ service }: SecretUser): readonly SecretSource[] | undefined {
    return this.#facts.secretSources?.get(service);
  }
}

function told<T>(known: T | undefined, what: string): T {
  if (known === undefined) throw new Error(`the program was not told ${what}`);
  return known;
}
