import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { environmentNames, type ReleaseModelAddress, releaseEnvironment } from "../src/domain/release/environment.ts";
import type { EnvironmentSource } from "../src/domain/serving/servedModel.ts";
import { declared } from "../src/environment/ownership.ts";
import type { OnEnvironment } from "./modelArgs.ts";
import { registered } from "./registeredInputs.ts";
import type { ReleaseSchema } from "./releaseSchema.ts";

/** Arguments of {@link ReleaseEnvironment}. */
export interface ReleaseEnvironmentArgs extends OnEnvironment {
  /** The release's state, whose logins its workloads have. */
  readonly release: ReleaseSchema;
  /**
   * Models that the release's workloads may ask, for `<MODEL>_URL` and `<MODEL>_IDENTIFIER`.
   * @default none
   */
  readonly models?: readonly ReleaseModelAddress[] | undefined;
  /**
   * What is not secret, by name of the environment variable: of a release that is kept, what it was.
   * @default what every release has, with the release's tag, schema and models
   */
  readonly values?: Readonly<Record<string, string>> | undefined;
}

/**
 * What the workloads of one release are configured by, as environment variables: ConfigMap `env-<tag>`, and a Secret for each of
 * its two logins, `env-<tag>-service` and `env-<tag>-pipeline`. Each release has its own, so that a pod of the release before that
 * is started again still works in the state that it belongs to. Models of the environment that are declared after the current one run in it.
 *
 * @example
 * new ReleaseEnvironment("v1.2.3", { environment, release });
 */
export class ReleaseEnvironment extends pulumi.ComponentResource {
  /** Names in Kubernetes of the ConfigMap and the Secrets. */
  readonly names: ReturnType<typeof environmentNames>;
  /** For the release's services. */
  readonly service: EnvironmentSource;
  /** What the ConfigMap says. */
  readonly values: Readonly<Record<string, string>>;

  constructor(name: string, args: ReleaseEnvironmentArgs, options?: pulumi.ComponentResourceOptions) {
    const { environment, release, models = [] } = args;
    const { tag, schema } = release;
    const { namespace } = environment.spec;
    const { values = releaseEnvironment({ ...environment.inEveryRelease, tag, schema, models }) } = args;
    const shown = registered({ tag, namespace, values });
    super("menagerie:release:ReleaseEnvironment", name, shown, environment.options(options, []));
    const parent = { parent: this };
    const names = environmentNames(tag);
    this.names = names;
    this.values = values;
    this.service = { configMap: names.config, values, secret: names.secret.service };
    const labels = { "app.kubernetes.io/part-of": "menagerie" };
    new kubernetes.core.v1.ConfigMap(
      names.config,
      { metadata: declared({ name: names.config, namespace, labels }), data: { ...values } },
      parent,
    );
    for (const who of ["service", "pipeline"] as const) {
      const login = release[who];
      new kubernetes.core.v1.Secret(
        names.secret[who],
        {
          metadata: declared({ name: names.secret[who], namespace, labels }),
          stringData: {
            PGUSER: login.name,
            PGPASSWORD: login.password,
            DATABASE_URL: environment.urlFor(login),
          },
        },
        parent,
      );
    }
    const { parts } = environment;
    if (release.current) {
      const shared = parts.shared ? [parts.shared] : [];
      const ready = [...shared, this, release];
      parts.state = { release, environment: this.service, shared: parts.shared?.source ?? this.service, ready };
    }
    this.registerOutputs({ config: names.config });
  }
}
