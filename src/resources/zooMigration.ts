import * as pulumi from "@pulumi/pulumi";
import type { RowCounts } from "../domain/zoo/migration.ts";
import { type ArgsOf, DelegatedResource } from "./delegatedResource.ts";
import type { ZooMigrationInputs } from "./zooMigration.handler.ts";

export type ZooMigrationArgs = ArgsOf<ZooMigrationInputs>;

/**
 * Apps of an old zoo version moved to a new one (`direction: forward`) or back (`reverted`). What a change of it would do is
 * planned in the program, by `planZooMigration`. Deleting it moves nobody.
 *
 * @example
 * new ZooMigration("iris", { name: "iris", from: "4", to: "7", direction: "forward" }, { dependsOn: tables });
 */
export class ZooMigration extends DelegatedResource {
  /** Id in the journal, for `menagerie rollout pause --id`. */
  declare readonly migrationId: pulumi.Output<string>;
  /** `paused` while the args say so. */
  declare readonly state: pulumi.Output<"done" | "paused">;
  /** Rows by what became of them. */
  declare readonly counts: pulumi.Output<RowCounts>;
  /** File with the ids of all rows that were touched. */
  declare readonly file: pulumi.Output<string>;

  constructor(name: string, args: ZooMigrationArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = { migrationId: undefined, generation: undefined, state: undefined, counts: undefined };
    super(
      "zooMigration",
      name,
      { ...args, ...outputs, file: undefined },
      pulumi.mergeOptions(options, { additionalSecretOutputs: ["targetUrl"] }),
    );
  }
}
