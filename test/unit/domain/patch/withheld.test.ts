import { describe, expect, it } from "vitest";
import type { PatchOperation } from "../../../../src/domain/patch/operation.ts";
import type { ControlServer, PatchOutcome } from "../../../../src/domain/patch/ports.ts";
import { locate } from "../../../../src/domain/patch/position.ts";
import { withheld, withholding } from "../../../../src/domain/patch/withheld.ts";

const requiring = (requirement: string): PatchOperation => ({
  type: "python_requirement",
  body: { action: "ADD", requirement },
});
const file = (path: string, content: string): PatchOperation => ({
  type: "package",
  body: { action: "ADD", path, content },
});

describe("credentials of requirements", () => {
  it.each([
    ["six", "six", []],
    ["git+ssh://git@host/a.git", "git+ssh://git@host/a.git", []],
    [
      "six @ https://ada:s%40c@host:8443/six.whl",
      "six @ https://host:8443/six.whl",
      [file(".menagerie/netrc", "machine host login ada password s@c\n")],
    ],
    [
      "git+https://ada:s%40c@host/a.git@v1#egg=a",
      "git+https://host/a.git@v1#egg=a",
      [file(".menagerie/git-credentials", "https://ada:s%40c@host\n")],
    ],
    // A token is the user alone.
    [
      "six @ https://token@host/six.whl",
      "six @ https://host/six.whl",
      [file(".menagerie/netrc", 'machine host login token password ""\n')],
    ],
    [
      "git+https://token@host/a.git",
      "git+https://host/a.git",
      [file(".menagerie/git-credentials", "https://token:@host\n")],
    ],
    [
      "six @ https://ada:a%20b%22%5C%C3%A9@host/six.whl",
      "six @ https://host/six.whl",
      [file(".menagerie/netrc", 'machine host login ada password "a b\\"\\\\é"\n')],
    ],
    [
      `six @ https://ada:it's"@host/six.whl ; python_version > "3"`,
      `six @ https://host/six.whl ; python_version > "3"`,
      [file(".menagerie/netrc", 'machine host login ada password "it\'s\\""\n')],
    ],
    [
      "six @ https://ada:p@ss%zz@host/six.whl",
      "six @ https://host/six.whl",
      [file(".menagerie/netrc", "machine host login ada password p@ss%zz\n")],
    ],
    [
      `git+https://ada:it's%20"@host/a.git`,
      "git+https://host/a.git",
      [file(".menagerie/git-credentials", `https://ada:it's%20"@host\n`)],
    ],
    // What no file of credentials can say stays where it is.
    ["six @ https://ada:a%0Ab@host/six.whl", "six @ https://ada:a%0Ab@host/six.whl", []],
    ["six @ https://ada:%ff@host/six.whl", "six @ https://ada:%ff@host/six.whl", []],
  ])("%s", (requirement, kept, files) => {
    expect(withheld([requiring(requirement)])).toEqual({ ops: [requiring(kept)], files });
  });

  it("of what is removed are needed for nothing", () => {
    const removing = (requirement: string): PatchOperation => ({
      type: "python_requirement",
      body: { action: "REMOVE", requirement },
    });
    const { ops, files } = withheld([removing("git+https://token@host/a.git#egg=a")]);
    expect({ ops, files }).toEqual({ ops: [removing("git+https://host/a.git#egg=a")], files: [] });
  });
});

/** A control server's hash, with answers to its patches. */
function server(...answers: PatchOutcome["kind"][]) {
  const state = { hash: "a", sent: [] as string[] };
  const control = {
    patch: async ({ hash, prevHash, patches }: Parameters<ControlServer["patch"]>[0]): Promise<PatchOutcome> => {
      state.sent.push(`${prevHash} → ${hash}: ${patches.map(({ type }) => type).join(" ")}`);
      if (prevHash !== state.hash) return { kind: "inadmissible", reason: "expected another" };
      const kind = answers.shift() ?? "accepted";
      if (kind === "accepted") state.hash = hash;
      return kind === "accepted" ? { kind } : { kind, reason: kind };
    },
  } as ControlServer;
  return { state, control: withholding(control, async () => true) };
}

const patches = [requiring("six @ https://ada:s@host/six.whl")];

describe("a patch with credentials", () => {
  it("comes behind their files", async () => {
    const { state, control } = server();
    expect(await control.patch({ hash: "b", prevHash: "a", patches })).toEqual({ kind: "accepted" });
    expect(state.sent).toEqual(["a → a~half: package", "a~half → b: python_requirement"]);
  });

  it("that is refused leaves the hash as it was", async () => {
    const { state, control } = server("accepted", "recoverable");
    expect(await control.patch({ hash: "b", prevHash: "a", patches })).toMatchObject({ kind: "recoverable" });
    expect(state.hash).toBe("a");
  });

  it("whose end is not known leaves a container that is where it was, in doubt", async () => {
    const { state, control } = server("accepted", "unknown");
    expect(await control.patch({ hash: "b", prevHash: "a", patches })).toMatchObject({ kind: "unknown" });
    const chain = { generation: 1, baseHash: "base", patches: [{ seq: 1, prevHash: "base", nextHash: "a", ops: [] }] };
    const intent = { id: "i", from: 1, to: [2], until: 0 };
    const record = {
      generation: 1,
      instance: "c",
      startedAt: 0,
      at: 1,
      intent,
      lateUntil: 0,
      broken: null,
      refused: null,
    };
    expect(locate({ chain, record, revision: 1 }, "c", state.hash)).toEqual({ kind: "known", seq: 1, trust: "doubt" });
    // Sent again from there, it gets through.
    expect(await control.patch({ hash: "b", prevHash: state.hash, patches })).toEqual({ kind: "accepted" });
    expect(state.hash).toBe("b");
  });
});
