import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { environmentNames, type ReleaseLogin } from "../src/domain/release/environment.ts";
import type { EnvironmentSource } from "../src/domain/serving/servedModel.ts";
import { declared } from "../src/environment/ownership.ts";
import type { LoginRole } from "./platformDatabase.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link ReleaseEnvironment}. */
export interface ReleaseEnvironmentArgs {
  /** Tag of the release. */
  readonly tag: string;
  /** Namespace of the release's workloads. It must exist: pass the Namespace in `dependsOn`. */
  readonly namespace: string;
  /** What is not secret, by name of the environment variable: `releaseEnvironment` of `src/domain/release`. */
  readonly values: Readonly<Record<string, string>>;
  /** Logins of the release's state. */
  readonly logins: Readonly<Record<ReleaseLogin, LoginRole>>;
  /** Url of the database by user and password. */
  readonly databaseUrl: (user: string, password: string) => string;
}

/**
 * What the workloads of one release are configured by, as environment variables: ConfigMap `env-<tag>`, and a Secret for each of
 * its two logins, `env-<tag>-service` and `env-<tag>-pipeline`. Each release has its own, so that a pod of the release before that
 * is started again still works in the state that it belongs to.
 *
 * @example
 * new ReleaseEnvironment("v1.2.3", { tag: "v1.2.3", namespace, values, logins, databaseUrl }, { providers: [cluster] });
 */
export class ReleaseEnvironment extends pulumi.ComponentResource {
  /** Names in Kubernetes of the ConfigMap and the Secrets. */
  readonly names: ReturnType<typeof environmentNames>;
  /** For the release's services. */
  readonly service: EnvironmentSource;

  constructor(name: string, args: ReleaseEnvironmentArgs, options?: pulumi.ComponentResourceOptions) {
    const { namespace, tag, logins, values } = args;
    super("menagerie:release:ReleaseEnvironment", name, registered({ tag, namespace, values }), options);
    const parent = { parent: this };
    const names = environmentNames(tag);
    this.names = names;
    this.service = { configMap: names.config, values, secret: names.secret.service };
    const labels = { "app.kubernetes.io/part-of": "menagerie" };
    new kubernetes.core.v1.ConfigMap(
      names.config,
      { metadata: declared({ name: names.config, namespace, labels }), data: { ...values } },
      parent,
    );
    for (const who of ["service", "pipeline"] as const) {
      const { name: user, password } = logins[who];
      new kubernetes.core.v1.Secret(
        names.secret[who],
        {
          metadata: declared({ name: names.secret[who], namespace, labels }),
          stringData: {
            PGUSER: user,
            PGPASSWORD: password,
            DATABASE_URL: pulumi.secret(password.apply((plain) => args.databaseUrl(user, plain))),
          },
        },
        parent,
      );
    }
    this.registerOutputs({ config: names.config });
  }
}
