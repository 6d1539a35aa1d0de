import { readFileSync } from "node:fs";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Starts files with an environment of their own before those that share one, which wait for each other: a worker that waits
 * then holds nobody up.
 */
export default class OwnEnvironmentsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const shares = ({ moduleId }: TestSpecification) =>
      readFileSync(moduleId, "utf8").includes("SharedEnvironment.open");
    const sorted = await super.sort(files);
    return [...sorted.filter((file) => !shares(file)), ...sorted.filter(shares)];
  }
}
