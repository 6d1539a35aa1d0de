import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { declared } from "../src/environment/ownership.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link AdminSecrets}. */
export interface AdminSecretsArgs {
  /** Namespace of the models. It must exist: pass the Namespace in `dependsOn`. */
  readonly namespace: string;
  /** Name of the Secret. */
  readonly name: string;
  /** Values by name; encrypted in the state, never shown. */
  readonly values: pulumi.Output<Readonly<Record<string, string>>>;
}

/**
 * The admin organization's secrets that the stack's config holds, as a Secret that models mount. A changed value
 * reaches running models as a file within about a minute.
 */
export class AdminSecrets extends pulumi.ComponentResource {
  constructor(name: string, args: AdminSecretsArgs, options?: pulumi.ComponentResourceOptions) {
    super("menagerie:zoo:AdminSecrets", name, registered(args), options);
    const encoded = (values: Readonly<Record<string, string>>) =>
      Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")]));
    new kubernetes.core.v1.Secret(
      name,
      {
        metadata: declared({
          namespace: args.namespace,
          name: args.name,
          labels: { "app.kubernetes.io/part-of": "menagerie" },
        }),
        type: "Opaque",
        data: pulumi.secret(args.values.apply(encoded)),
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
