import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Scheme, schemes, shapeOf } from "../../../../src/domain/release/scheme.ts";
import {
  compareTags,
  formatTag,
  modelNameIssue,
  parseTag,
  type ReleaseTag,
} from "../../../../src/domain/release/tag.ts";

const version = fc
  .tuple(fc.nat(30), fc.nat(30), fc.nat(30))
  .map(([major, minor, patch]) => `${major}.${minor}.${patch}`);
const count = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 999_999_999 }));
const candidate = fc.option(count, { nil: undefined });
/** Names that are hard to tell apart: made of v, r, c, digits and dashes. */
const name = fc
  .stringMatching(/^[a-cv]([a-cv0-2_-]{0,6}[a-cv0-2])?$/)
  .filter((text) => modelNameIssue(text) === undefined);
const models = fc.uniqueArray(fc.record({ name, version: count }), {
  selector: (model) => model.name,
  maxLength: 5,
});

function tagOf(scheme: Scheme): fc.Arbitrary<ReleaseTag> {
  switch (shapeOf(scheme)) {
    case "numbered":
      return fc.record({ shape: fc.constant("numbered" as const), number: count, candidate });
    case "joint":
      return fc.record({ shape: fc.constant("joint" as const), version, candidate });
    case "combined":
      return fc.record({ shape: fc.constant("combined" as const), version, models, candidate });
  }
}

describe.each(schemes)("tags of the scheme %s", (scheme) => {
  it("are read as they were written, and written as they were read", () => {
    fc.assert(
      fc.property(tagOf(scheme), (tag) => {
        const text = formatTag(tag);
        const read = parseTag(scheme, text);
        expect(formatTag(read)).toBe(text);
        expect(compareTags(read, tag)).toBe(0);
      }),
      { numRuns: 2_000 },
    );
  });

  it("have a total order, in which only equal texts are equal", () => {
    const sign = Math.sign;
    fc.assert(
      fc.property(tagOf(scheme), tagOf(scheme), tagOf(scheme), (a, b, c) => {
        expect(sign(compareTags(a, b))).toBe(-sign(compareTags(b, a)) + 0);
        expect(compareTags(a, b) === 0).toBe(formatTag(a) === formatTag(b));
        const [first, second, third] = [a, b, c].sort(compareTags) as [ReleaseTag, ReleaseTag, ReleaseTag];
        expect(compareTags(first, second)).toBeLessThanOrEqual(0);
        expect(compareTags(second, third)).toBeLessThanOrEqual(0);
        expect(compareTags(first, third)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 2_000 },
    );
  });

  it("are refused in one line when anything else is written", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."vrc.-012aelsx "), maxLength: 24 }), (text) => {
        try {
          expect(formatTag(parseTag(scheme, text))).toBe(text);
        } catch (error) {
          expect(String(error)).toContain(`release tag ${JSON.stringify(text)}: `);
          expect(String(error)).not.toContain("\n");
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("put a candidate before its release", () => {
    fc.assert(
      fc.property(tagOf(scheme), count, (tag, number) => {
        expect(compareTags({ ...tag, candidate: number }, { ...tag, candidate: undefined } as ReleaseTag)).toBeLessThan(
          0,
        );
      }),
    );
  });
});

describe("the seed's own tags", () => {
  it("are read", () => {
    expect(parseTag("tags", "v1.2.3-model1v42-model2v45")).toEqual({
      shape: "combined",
      version: "1.2.3",
      models: [
        { name: "model1", version: 42 },
        { name: "model2", version: 45 },
      ],
    });
    expect(parseTag("model-centric", "v1.2.3-model1v44-model2v77-rc.2")).toMatchObject({ candidate: 2 });
    expect(parseTag("code-centric", "v1.2.3-rc.1")).toEqual({ shape: "joint", version: "1.2.3", candidate: 1 });
    expect(parseTag("deployment-manager", "release-12")).toEqual({ shape: "numbered", number: 12 });
  });

  it("stand in the order of their models' versions", () => {
    const texts = ["v1.2.3-model1v44-model2v77", "v1.2.3-model1v42-model2v45", "v1.2.3-model1v43-model2v52"];
    const sorted = texts.map((text) => parseTag("tags", text)).sort(compareTags);
    expect(sorted.map(formatTag)).toEqual([texts[1], texts[2], texts[0]]);
  });
});

describe("a wrong tag is answered with what to write", () => {
  it.each([
    ["tags", "1.2.3-av1", /begins with v<major>\.<minor>\.<patch>/],
    ["tags", "v1.2-av1", /begins with v/],
    ["tags", "v01.2.3", /begins with v/],
    ["tags", "v1.2.3-b", /"b" is no <model>v<number>/],
    ["tags", "v1.2.3-bv2-av1", /ambiguous: models stand in the order of their names, a before b/],
    ["tags", "v1.2.3-av1-av2", /names model a twice/],
    ["tags", "v1.2.3-av0", /is no <model>v<number>/],
    ["model-centric", "v1.2.3-av1-rc.0", /a candidate ends in -rc\.<number>/],
    ["model-centric", "v1.2.3-av1-rc", /a candidate ends in -rc\.<number>/],
    ["models-as-dependencies", "v1.2.3-av1", /name no models; write v1\.2\.3/],
    ["code-centric", "", /begins with v/],
    ["deployment-manager", "v1.2.3", /are release-<number>, such as release-7/],
    ["deployment-manager", "release-07", /are release-<number>/],
  ] as const)("%s: %s", (scheme, text, sentence) => {
    expect(() => parseTag(scheme, text)).toThrow(sentence);
  });

  it("and so is a name that would end another model's", () => {
    expect(() => formatTag({ shape: "combined", version: "1.0.0", models: [{ name: "fv2-g", version: 1 }] })).toThrow(
      /model "fv2-g" makes tags ambiguous: "v2-" in it reads as the end of another model/,
    );
  });

  it("and names that hold no end are free: mask-rcnn, x-v1, fv2", () => {
    const tag = "v1.2.3-fv2v3-mask-rcnnv3-x-v1v2";
    expect(formatTag(parseTag("tags", tag))).toBe(tag);
  });
});
