import * as pulumi from "@pulumi/pulumi";
import { delegate } from "../providers/delegate.ts";
import type { SecretValueInputs } from "../providers/secretValue.ts";

/** A random password, encrypted in the state and shown nowhere. */
export class SecretValue extends pulumi.dynamic.Resource {
  /** Random bytes as base64url; a secret. */
  declare readonly value: pulumi.Output<string>;

  /** @param args default: 32 bytes */
  constructor(name: string, args: Partial<SecretValueInputs> = {}, options?: pulumi.CustomResourceOptions) {
    super(
      delegate("secretValue"),
      name,
      { bytes: args.bytes ?? 32, value: undefined },
      { ...options, additionalSecretOutputs: ["value"] },
      "menagerie",
      "SecretValue",
    );
  }
}
