import { existsSync } from "node:fs";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { silent } from "../../../../src/domain/progress.ts";
import type { Machine } from "../../../../src/local/preflight/check.ts";
import { inspect } from "../../../../src/local/preflight/index.ts";
import { isAtLeast } from "../../../../src/local/preflight/languages.ts";

/** A Debian machine without any program on PATH, to an ordinary user. */
function machine(change: Partial<Machine> = {}): Machine {
  return {
    env: { PATH: "/nonexistent" },
    platform: "linux",
    nodeVersion: "24.1.0",
    uid: 1000,
    cache: "/tmp",
    home: "/tmp",
    missingTools: async () => [],
    run: async ([command]) => ({ code: command === "apt-get" ? 0 : null, output: "" }),
    read: async () => undefined,
    ...change,
  };
}

describe("preflight", () => {
  it("tells everything that lacks at once, with the commands that mend it", async () => {
    const message = await inspect(machine({ nodeVersion: "20.0.0" }), silent).catch((error: Error) => error.message);
    expect(message).toMatch(/Node.js 20.0.0 and needs 24/);
    expect(message).toMatch(/unshare, nsenter.*sudo apt-get update && sudo apt-get install .*iproute2 bubblewrap/);
  });

  it("installs packages by itself when it is root, in one go", async () => {
    const ran: string[] = [];
    const run: Machine["run"] = async (command) => {
      ran.push(command.join(" "));
      return { code: command[0] === "apt-get" ? 0 : null, output: "" };
    };
    await inspect(machine({ uid: 0, run }), silent).catch(() => {});
    expect(ran.filter((line) => line.startsWith("apt-get install"))).toHaveLength(1);
  });

  it("waits while somebody else installs packages", async () => {
    const held = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 4711 (apt-get)";
    const ran: string[] = [];
    const run: Machine["run"] = async (command) => {
      ran.push(command.slice(0, 2).join(" "));
      const isFree = ran.filter((each) => each === "apt-get update").length > 2;
      return { code: command[0] !== "apt-get" ? null : isFree || command[1] !== "update" ? 0 : 100, output: held };
    };
    await inspect(machine({ uid: 0, run }), silent).catch(() => {});
    expect(ran.filter((each) => each === "apt-get update")).toHaveLength(3);
    expect(ran.filter((each) => each === "apt-get install")).toHaveLength(1);
  });

  it("asks for Go only while something is left to build", async () => {
    const told = (change: Partial<Machine>) => inspect(machine(change), silent).catch((error: Error) => error.message);
    expect(await told({ missingTools: async () => ["etcd"] })).toMatch(/building etcd needs Go/);
    expect(await told({})).not.toMatch(/needs Go/);
  });

  it("says one thing only where it is not Linux", async () => {
    await expect(inspect(machine({ platform: "darwin" }), silent)).rejects.toThrow(/needs Linux and this is darwin/);
  });

  it("refuses a home that containers would see, and makes nothing there", async () => {
    for (const home of ["/usr/local/menagerie-refused", "/opt/menagerie-refused"]) {
      await expect(inspect(machine({ home }), silent)).rejects.toThrow(
        `MENAGERIE_HOME "${home}" is below ${home.slice(0, 4)}`,
      );
      expect(existsSync(home)).toBe(false);
    }
    const link = await mkdtemp(join(tmpdir(), "preflight-"));
    await symlink("/usr", join(link, "home"));
    await expect(inspect(machine({ home: join(link, "home", "new") }), silent)).rejects.toThrow("is below /usr");
    await rm(link, { recursive: true });
    await expect(inspect(machine({ home: "/optional" }), silent)).rejects.not.toThrow("is below");
  });

  it("looks for every program that pods are made with", async () => {
    await expect(inspect(machine(), silent)).rejects.toThrow(/missing on PATH: .*nsenter, setpriv.*bwrap/);
  });

  it("compares Go releases by number", () => {
    expect([isAtLeast("1.26.3", "1.26"), isAtLeast("1.9", "1.26"), isAtLeast("1.27rc1", "1.26")]).toEqual([
      true,
      false,
      true,
    ]);
  });
});
