import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";

interface Fact {
  readonly name: string;
  readonly error?: string;
}

/** Runs the scenario where 10.88.0.0/16 is a bridge and every ClusterIP can be bound, as in an environment. */
function runScenario(): Fact[] {
  const setUp = [
    "ip link set lo up",
    "ip link add br0 type bridge",
    "ip addr add 10.88.0.1/16 dev br0",
    "ip link set br0 up",
    "for last in 1 2; do ip addr add 10.88.1.$last/32 dev lo; done",
    "ip route add local 10.96.0.0/12 dev lo",
    `exec "${process.execPath}" test/local/networkScenario.ts`,
  ].join(" && ");
  const output = execFileSync("unshare", ["-Urnm", "--kill-child", "sh", "-c", setUp], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Fact);
}

describe("Service proxy and cluster DNS in a namespace of their own", () => {
  const facts = runScenario();
  it("checks all there is to check", () => expect(facts).toHaveLength(12));
  it.each(facts)("$name", ({ error }) => expect(error).toBeUndefined());
});
