import { describe, expect, it } from "vitest";
import { describeDevelopment } from "../../../../src/domain/development/describe.ts";
import { baseHashOf, needsSignature, planDevelopment } from "../../../../src/domain/development/plan.ts";
import { hashSnapshot } from "../../../../src/domain/truss/hash.ts";
import { signatureOf } from "../../../../src/domain/truss/signature.ts";
import { textSnapshot } from "../truss/vectors.ts";

const config = "use_control_plane: true\n";
/** Three contents that patches can go between, and one that needs a new image. */
const contents = {
  a: { "config.yaml": config, "model/model.py": "a" },
  b: { "config.yaml": config, "model/model.py": "b" },
  c: { "config.yaml": config, "model/model.py": "c" },
  image: { "config.yaml": `${config}system_packages: [ffmpeg]\n`, "model/model.py": "a" },
} as const;
type Content = keyof typeof contents;
const everyContent = Object.keys(contents) as Content[];

const snapshot = (content: Content) => textSnapshot(contents[content]);
const hash = (content: Content) => hashSnapshot(snapshot(content));

interface Situation {
  readonly folder: Content;
  readonly declared?: Content | undefined;
  readonly base: Content;
  readonly head: Content;
  readonly takeover?: boolean;
  readonly knowsHead?: boolean;
}

function stateOf({ folder, declared, base, head, takeover = false, knowsHead = true }: Situation) {
  return {
    folder: { hash: hash(folder), snapshot: snapshot(folder), patterns: [] },
    declaredHash: declared && hash(declared),
    deployed: {
      baseHash: hash(base),
      headHash: hash(head),
      seq: 2,
      headSignature: knowsHead ? signatureOf(snapshot(head)) : undefined,
    },
    takeover,
  };
}
const plan = (situation: Situation) => planDevelopment(stateOf(situation));

/** The table of DESIGN.md, written the other way round: by which of the three differ. */
function expected({ folder, declared, base, head, takeover, knowsHead }: Required<Situation>): string {
  const before = declared ?? base;
  const moved = { folder: folder !== before, head: head !== before };
  if (!moved.folder) return "keep";
  if (folder === head) return "adopt";
  if (moved.head && !takeover) return "refused";
  if (!knowsHead) return "unchecked";
  return folder === "image" || head === "image" ? "deploy" : "patch";
}

describe("what an up does about a development version", () => {
  it("follows the table in every situation", () => {
    let situations = 0;
    for (const folder of everyContent)
      for (const declared of [undefined, ...everyContent])
        for (const base of everyContent)
          for (const head of everyContent)
            for (const takeover of [false, true])
              for (const knowsHead of [false, true]) {
                const situation = { folder, declared, base, head, takeover, knowsHead };
                const made = plan(situation);
                expect([situation, made.kind]).toEqual([situation, expected(situation as Required<Situation>)]);
                const changesImage = made.kind === "deploy" ? folder : base;
                expect(baseHashOf(made, stateOf(situation).deployed)).toBe(hash(changesImage));
                situations += 1;
              }
    expect(situations).toBe(4 * 5 * 4 * 4 * 2 * 2);
  });

  it("deploys what was never deployed", () => {
    const { folder } = stateOf({ folder: "a", base: "a", head: "a" });
    const made = planDevelopment({ folder, deployed: undefined, takeover: false });
    expect(made).toEqual({ kind: "deploy", nextHash: hash("a"), reasons: ["it is deployed for the first time"] });
    expect(baseHashOf(made, undefined)).toBe(hash("a"));
  });

  it("asks for the head's signature only where folder and head are to be compared", () => {
    const asks = (situation: Situation) => needsSignature(stateOf({ ...situation, knowsHead: false }));
    expect(asks({ folder: "b", declared: "a", base: "a", head: "a" })).toBe(true);
    expect(asks({ folder: "c", declared: "a", base: "a", head: "b", takeover: true })).toBe(true);
    expect(asks({ folder: "b", declared: "a", base: "a", head: "b" })).toBe(false);
    expect(asks({ folder: "a", declared: "a", base: "a", head: "b" })).toBe(false);
    expect(asks({ folder: "c", declared: "a", base: "a", head: "b" })).toBe(false);
  });
});

describe("a preview says", () => {
  const says = (situation: Situation) => describeDevelopment(plan(situation));

  it("file by file what is patched", () => {
    expect(says({ folder: "b", declared: "a", base: "a", head: "a" })).toBe(
      `patch ${hash("a").slice(0, 12)} → ${hash("b").slice(0, 12)}, without a new image\n  UPDATE model_code model.py`,
    );
  });

  it("why a full deployment is needed", () => {
    expect(says({ folder: "image", declared: "a", base: "a", head: "a" })).toBe(
      `full deployment of ${hash("image").slice(0, 12)}: new image, the pod is replaced\n` +
        "  config.yaml: system_packages changed from [] to [ffmpeg]",
    );
  });

  it("how far the head is ahead of a folder that did not change", () => {
    expect(says({ folder: "a", declared: "a", base: "a", head: "b" })).toMatch(
      /^nothing to send: the folder is as the last up left it, and the head .* is ahead of it \(2 patches since/,
    );
    expect(says({ folder: "a", declared: "a", base: "a", head: "a" })).toMatch(/^nothing to send: folder and head are/);
    expect(says({ folder: "b", declared: "a", base: "a", head: "b" })).toMatch(/^nothing to send: the head is already/);
  });

  it("what to do where folder and head have both moved", () => {
    expect(says({ folder: "b", declared: "a", base: "a", head: "c" })).toMatch(
      /^refused: .* both have moved since the last `up` .*; undo the folder's change, or set takeover: true/,
    );
    expect(says({ folder: "b", declared: "a", base: "a", head: "c", takeover: true })).toMatch(
      /, replacing what others patched \(takeover\), without a new image/,
    );
  });
});
