import * as pulumi from "@pulumi/pulumi";
import { DelegatedResource } from "./delegatedResource.ts";
import type { SecretValueInputs } from "./secretValue.handler.ts";

/** A random password, encrypted in the state and shown nowhere. */
export class SecretValue extends DelegatedResource {
  /** Random bytes as base64url; a secret. */
  declare readonly value: pulumi.Output<string>;

  /** @param args default: 32 bytes */
  constructor(name: string, args: Partial<SecretValueInputs> = {}, options?: pulumi.CustomResourceOptions) {
    super(
      "secretValue",
      name,
      { bytes: args.bytes ?? 32, value: undefined },
      pulumi.mergeOptions(options, { additionalSecretOutputs: ["value"] }),
    );
  }
}
