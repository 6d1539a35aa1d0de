import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readPreview } from "../../../../src/cli/preview/readPreview.ts";
import { changesNothing, type PreviewStep } from "../../../../src/domain/preview/preview.ts";
import { summarizePreview } from "../../../../src/domain/preview/summary.ts";

/**
 * `test/support/preview` holds what engine 3.259 printed for a small program with the project's resource types: `preview --json`
 * (digest.json), the same with a policy pack and streamed events (events.jsonl), and with `--refresh` after an edit by hand
 * (refreshed.json); without positions, times and serialized providers.
 */
const recorded = (file: string): string =>
  readFileSync(join(import.meta.dirname, "../../../support/preview", file), "utf8");
const summaryOf = (file: string): string => summarizePreview(readPreview(recorded(file)));

const urn = (type: string, name: string): string => `urn:pulumi:prod::menagerie::${type}::${name}`;

function step(op: string, type: string, name: string, inputs: { before?: object; after?: object } = {}): PreviewStep {
  const state = (of: object | undefined) => of && { inputs: { ...of }, outputs: {} };
  const [before, after] = [state(inputs.before), state(inputs.after)];
  return { op, urn: urn(type, name), type, name, before, after, replacedBy: [] };
}

const summaryOfSteps = (...steps: PreviewStep[]): string =>
  summarizePreview({ stack: "prod", steps, diagnostics: [], policies: undefined, packs: [] });

describe("the comment of a pull request, from what the engine printed", () => {
  it("names the stack and counts what would happen", () => {
    expect(summaryOf("digest.json")).toMatch(/^## `local`: 1 to create, 2 to update, 1 to replace, 1 to delete\n/);
  });

  it("counts resources, and tells of a component what its config changed, in the config's words", () => {
    const [before, after] = [{ pool: "cpu" }, { pool: "t4" }];
    const updated = step("update", "menagerie:zoo:ModelZooEntry", "iris", { before, after });
    const comment = summaryOfSteps(updated, step("update", "kubernetes:core/v1:ConfigMap", "env"));
    expect(comment).toMatch(/^## `prod`: 1 to update\n/);
    expect(comment).toContain("- update `zoo:ModelZooEntry` `iris`\n  - `pool`: `cpu` → `t4`");
  });

  it("counts no component whose inputs a state of before did not have", () => {
    const first = step("update", "menagerie:zoo:ModelZooEntry", "iris", { before: {}, after: { pool: "t4" } });
    expect(summaryOfSteps(first)).toBe("## `prod`: no changes\n");
  });

  it("tells phases that move, rows and users affected", () => {
    const comment = summaryOf("digest.json");
    expect(comment).toContain("- **iris**: version → **forward**");
    expect(comment).toContain("- **iris**: apps move from 4 to 7");
    expect(comment).toContain("- iris: 120 rows of 40 users move from 4 to 7, about 3 s");
  });

  it("tells builds with the content that changed, and which development versions are patched", () => {
    const comment = summaryOf("digest.json");
    expect(comment).toContain("- **iris** from models/iris: content `aaaaaaaaaaaa` → `bbbbbbbbbbbb`");
    expect(comment).toContain("### Development versions\n\n- greeter: 2 patches");
  });

  it("tells from streamed events the same and what policies found, mandatory ones first", () => {
    const comment = summaryOf("events.jsonl");
    expect(comment).toContain("version → **forward**");
    expect(comment).toContain("## `local`: failed, 1 to create, 2 to update, 1 to replace, 1 to delete");
    expect(comment.indexOf("❌ **no-forward** (mandatory) `iris`")).toBeGreaterThan(0);
    expect(comment.indexOf("⚠️ **stackrule**")).toBeGreaterThan(comment.indexOf("❌ **no-forward**"));
  });

  it("tells what others edited", () => {
    expect(summaryOf("refreshed.json")).toContain("### Drift\n\n- `Paint` `paint`: `color` edited by others");
    expect(summaryOf("digest.json")).not.toContain("Drift");
    const read = { urn: "urn:pulumi:prod::menagerie::pulumi:pulumi:StackReference::self" };
    const state = (release: string) => ({ inputs: {}, outputs: { outputs: { release } } });
    const steps = [
      { ...read, op: "refresh", oldState: state("v1"), newState: state("v2") },
      { ...read, op: "read", oldState: state("v2"), newState: state("v2") },
    ];
    expect(summarizePreview(readPreview(JSON.stringify({ steps })))).not.toContain("Drift");
  });

  it("shows no secret", () => {
    expect(recorded("digest.json")).toContain("[secret]");
    expect(summaryOf("digest.json")).not.toMatch(/s3|secret/);
  });
});

describe("a preview that failed", () => {
  const failed = (policies: [] | undefined) =>
    summarizePreview({
      stack: "prod",
      steps: [],
      policies,
      packs: ["menagerie"],
      diagnostics: [
        { message: "no pool is named t5", severity: "error", urn: undefined },
        {
          message: "using pulumi-analyzer-policy-menagerie from $PATH at /home/x",
          severity: "warning",
          urn: undefined,
        },
      ],
    });

  it("does not tell that policies passed, which saw a part of it", () => {
    expect(failed([])).toMatch(/^## `prod`: failed\n/);
    expect(failed([])).not.toContain("passed");
  });

  it("has no warnings of the engine about what was put on its PATH", () => {
    expect(failed(undefined)).not.toContain("Warnings");
  });
});

describe("what is dangerous", () => {
  it("comes before everything else, and says what is lost", () => {
    const comment = summaryOfSteps(
      step("create", "pulumi-nodejs:dynamic/menagerie:TrussImage", "iris", { after: { hash: "f".repeat(64) } }),
      step("delete", "kubernetes:core/v1:Namespace", "models", { before: {} }),
      step("replace", "postgresql:index/database:Database", "menagerie", { before: {}, after: {} }),
    );
    expect(comment.match(/^### .*/gm)).toEqual(["### ⚠️ Dangerous", "### Builds"]);
    expect(comment).toContain("- **delete** `core/v1:Namespace` `models`: **with everything in it**");
    expect(comment).toContain("**replace** `index/database:Database` `menagerie`: **with its data**");
  });

  it("is not what the engine only forgets, such as a grant whose right stays", () => {
    const grant = step("delete", "postgresql:index/grant:Grant", "menagerie_api-select", { before: {} });
    expect(summaryOfSteps(grant)).toContain("Dangerous");
    const retained = { ...grant, before: { inputs: {}, outputs: {}, retainOnDelete: true } };
    expect(summaryOfSteps(retained)).toBe("## `prod`: 1 to delete\n");
  });

  it("is not a new image, which takes nothing away", () => {
    const image = "pulumi-nodejs:dynamic/menagerie:TrussImage";
    expect(
      summaryOfSteps(step("replace", image, "iris", { before: { hash: "a" }, after: { hash: "b" } })),
    ).not.toContain("Dangerous");
  });
});

describe("GPUs per pool", () => {
  const service = "kubernetes:serving.kserve.io/v1beta1:InferenceService";
  const model = (pool: string, gpus: string, maxReplicas: number) => ({
    spec: {
      predictor: {
        maxReplicas,
        nodeSelector: { "menagerie.dev/pool": pool },
        containers: [{ resources: { limits: { "nvidia.com/gpu": gpus } } }],
      },
    },
  });

  it("are those of all models at their highest number of replicas, now and after", () => {
    const comment = summaryOfSteps(
      step("same", service, "iris-v1", { before: model("a10g", "1", 2), after: model("a10g", "1", 2) }),
      step("create", service, "iris-v2", { after: model("a10g", "2", 3) }),
      step("delete", service, "old-v1", { before: model("t4", "1", 1) }),
    );
    expect(comment).toContain("| a10g | 2 | 8 |\n| t4 | 1 | 0 |");
  });

  it("are not told where nothing changes, and name the models that could not be counted", () => {
    const same = step("same", service, "iris-v1", { before: model("t4", "1", 1), after: model("t4", "1", 1) });
    expect(summaryOfSteps(same)).not.toContain("GPUs");
    const hidden = step("create", service, "greeter", { after: { spec: "[secret]" } });
    const more = step("create", service, "iris-v2", { after: model("t4", "1", 1) });
    expect(summaryOfSteps(same, hidden, more)).toContain("Not counted, for their specs hold secrets: `greeter`.");
  });
});

describe("text of others in the comment", () => {
  const saying = (message: string, severity: "warning" | "error"): string =>
    summarizePreview({
      stack: "prod",
      steps: [],
      diagnostics: [{ message, severity, urn: undefined }],
      policies: undefined,
      packs: [],
    });

  it("mentions nobody and is not markup", () => {
    expect(saying("<img src=x> @everyone [a](b)", "warning")).toContain("- &lt;img src=x> &#64;everyone \\[a\\](b)");
  });

  it("does not leave its fence, and has no terminal colours", () => {
    const csi = String.fromCharCode(27);
    expect(saying(`${csi}[31mboom${csi}[0m\n\`\`\`\nout`, "error")).toContain("````text\nboom\n```\nout\n````");
  });
});

describe("what is no preview", () => {
  it.each([
    ["", "standard input: is empty"],
    ["Previewing update (local):", "standard input: is not JSON"],
    ["{}", 'standard input: has neither "steps" nor "diagnostics"'],
    ["[]", "standard input: it:"],
    ['{"steps": [{"op": "create"}]}', "standard input: steps.0.urn"],
    ['{"sequence": 0}\n{"sequence": "1"}', "standard input: event 2: sequence"],
  ])("is refused in one sentence: %j", (text, sentence) => {
    expect(() => readPreview(text)).toThrow(sentence);
    expect(() => readPreview(text)).toThrow(/pipe in the output of `pulumi preview --json`$/);
    expect(() => readPreview(text)).toThrow(expect.objectContaining({ exitCode: 2 }));
  });
});

it("a comment shows no password of an address, in whatever a provider says", () => {
  const message = "cannot connect to postgresql://admin:pa55word@db.example.com:5432/postgres?sslpassword=canary";
  const diagnostics = (["error", "warning"] as const).map((severity) => ({ message, severity, urn: undefined }));
  const steps = [
    step("update", "kubernetes:apps/v1:Deployment", "api", {
      before: { url: "https://ada:canary-old@example.com" },
      after: { url: "https://ada:canary-new@example.com" },
    }),
  ];
  const comment = summarizePreview({ stack: "prod", steps, diagnostics, policies: undefined, packs: [] });
  expect(comment).toContain("postgresql://***@db.example.com:5432");
  expect(comment).not.toMatch(/pa55word|canary/);
});

describe("a run", () => {
  const same = step("same", "postgresql:index/grant:Grant", "menagerie_api-select", { before: {}, after: {} });
  const becoming = (options: object) => ({ steps: [{ ...same, after: { inputs: {}, outputs: {}, ...options } }] });

  it("does something where it only protects or retains what is there", () => {
    expect(changesNothing({ steps: [same] })).toBe(true);
    expect(changesNothing(becoming({ protect: true }))).toBe(false);
    expect(changesNothing(becoming({ retainOnDelete: true }))).toBe(false);
  });

  it("does something where only an output of the stack changes, as streamed events tell", () => {
    const stack = "urn:pulumi:prod::menagerie::pulumi:pulumi:Stack::menagerie-prod";
    const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "AAAB" };
    const was = { rollouts: { iris: { phase: "version" } }, password: { ...secret, ciphertext: "AAAA" } };
    const events = (outputs: object) => {
      const [metadata, old] = [
        { op: "same", urn: stack },
        { inputs: {}, outputs: was },
      ];
      return [
        { resourcePreEvent: { metadata: { ...metadata, old, new: { inputs: {}, outputs: {} } } } },
        { resOutputsEvent: { metadata: { type: "pulumi:pulumi:Stack", ...metadata, old, new: old } } },
        { diagnosticEvent: { message: "[1/2] waiting", severity: "info", ephemeral: true } },
        {
          resOutputsEvent: {
            metadata: { type: "pulumi:pulumi:Stack", ...metadata, old, new: { inputs: {}, outputs } },
          },
        },
        { resOutputsEvent: { metadata: { ...metadata, urn: stack.replace("Stack", "Other"), type: "other", new: 1 } } },
      ]
        .map((event, sequence) => JSON.stringify({ sequence, ...event }))
        .join("\n");
    };
    const same = readPreview(events({ ...was, password: secret }));
    expect(same).toMatchObject({ outputs: [], diagnostics: [] });
    expect(changesNothing(same)).toBe(true);
    const takenBack = { action: "revert" };
    const changed = readPreview(events({ ...was, rollouts: { iris: { phase: "version", takenBack } } }));
    expect(changed.outputs).toEqual([{ path: "rollouts.iris.takenBack", before: undefined, after: takenBack }]);
    expect(changesNothing(changed)).toBe(false);
    // An `up` that is watched over by its steps alone, as an advance's, asks about those.
    expect(changesNothing({ steps: changed.steps })).toBe(true);
  });
});
