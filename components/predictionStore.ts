import { createHash } from "node:crypto";
import * as kubernetes from "@pulumi/kubernetes";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { platformDatabase, roles } from "../src/domain/platformDatabase.ts";
import { predictionTablesRevision } from "../src/domain/recording/tablesRevision.ts";
import { declared } from "../src/environment/ownership.ts";
import { PredictionTables } from "../src/resources/predictionTables.ts";
import { SecretValue } from "../src/resources/secretValue.ts";
import type { OnEnvironment } from "./modelArgs.ts";
import { registered } from "./registeredInputs.ts";

/** Arguments of {@link PredictionStore}. */
export interface PredictionStoreArgs extends OnEnvironment {
  /** Schema of the prediction tables: one for each recorded model, so that copies of a request never collide. */
  readonly schema: string;
  /** Days that predictions are kept, before today's. */
  readonly retentionDays: number;
  /**
   * Name of the Secret, in the models' namespace, that gets the recorder's way into the database under key `url`, and the key of its
   * pseudonyms under `pseudonyms`.
   */
  readonly secretName: string;
}

/**
 * Where one recorded model's predictions are kept: a schema with the prediction tables, a login that may only add to
 * them, and a Secret with it for the recorder. Depend on it before a recorder starts. Deleting it deletes the predictions.
 * The platform's database must exist.
 *
 * @example
 * new PredictionStore("iris", { environment, schema: "shadow_iris_primary", retentionDays: 30, secretName: "iris-recorder" });
 */
export class PredictionStore extends pulumi.ComponentResource {
  readonly schema: string;
  readonly secretName: string;
  /** Exists once the login can add predictions. */
  readonly tables: PredictionTables;
  /** Changes with the login, and with the key of pseudonyms. */
  readonly secretRevision: pulumi.Output<string>;

  constructor(name: string, args: PredictionStoreArgs, options?: pulumi.ComponentResourceOptions) {
    const { environment, ...store } = args;
    const { schema: schemaName, secretName, retentionDays } = store;
    const { namespace } = environment.spec;
    const shown = registered({ ...store, namespace });
    super(
      "menagerie:shadow:PredictionStore",
      name,
      shown,
      environment.options(options, environment.tables, ["cluster", "postgres"]),
    );
    const parent = { parent: this };
    this.schema = schemaName;
    this.secretName = secretName;

    const password = new SecretValue(name, {}, parent).value;
    const writer = new postgresql.Role(name, { name: schemaName, login: true, password }, parent);
    const schema = new postgresql.Schema(
      name,
      { name: schemaName, database: platformDatabase, owner: roles.owner, dropCascade: true },
      // The role can only go after what it has rights in.
      { ...parent, dependsOn: writer },
    );
    this.tables = new PredictionTables(
      name,
      {
        schema: schemaName,
        retentionDays,
        writer: schemaName,
        revision: predictionTablesRevision,
        ...environment.onDatabase,
      },
      { ...parent, dependsOn: [schema, writer] },
    );
    const url = environment.urlFor({ name: schemaName, password });
    // One for all stores of the program, so that values have one pseudonym wherever they are compared.
    environment.parts.pseudonyms ??= new SecretValue("pseudonyms");
    const pseudonyms = environment.parts.pseudonyms.value;
    const secret = new kubernetes.core.v1.Secret(
      name,
      { metadata: declared({ name: secretName, namespace }), stringData: { url, pseudonyms } },
      { ...parent, dependsOn: this.tables },
    );
    // Too random to be found from 64 bits of its hash.
    this.secretRevision = pulumi.unsecret(
      pulumi
        .all([url, pseudonyms, secret.id])
        .apply(([text, key]) => createHash("sha256").update(`${text}\n${key}`).digest("hex").slice(0, 16)),
    );
    this.registerOutputs({ schema: schemaName });
  }
}
