import { describe, expect, it } from "vitest";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { checkTokenLimits, tokenLimitRefusals } from "../../../src/plan/tokenLimits.ts";

const model = (changes: object = {}) => ({ truss: "models/iris", phase: "done", ...changes });
const spec = (zoo: object) =>
  parseEnvironment({ zoo, database: { host: "db" }, nodeClass: "local" }, {
    gatewayUrl: "http://127.0.0.1:18080",
    embedded: true,
  } as never);
const said = (zoo: object, ...limits: Parameters<typeof tokenLimitRefusals>[1]) =>
  tokenLimitRefusals({ zoo: spec(zoo).zoo }, limits).map(({ message }) => message);
const ofAll = { holder: "organization admin", model: null };
const ofSpeaker = { holder: "key AbCd1234", model: "speaker" };

describe("limits of tokens at the gateway", () => {
  it("are refused for models that nothing records, with both ways out", () => {
    expect(said({ speaker: model() }, ofSpeaker)).toEqual([
      "menagerie:zoo.speaker.recording: key AbCd1234 has a limit of tokens, and nobody counts those of speaker at the gateway; write recording: {}, or remove the limit by `menagerie key limits AbCd1234 --tokens-per-minute none --tokens-per-day none`",
    ]);
    expect(said({ speaker: model({ recording: { paused: true } }) }, ofAll)).toEqual([
      expect.stringMatching(
        /^menagerie:zoo\.speaker\.recording\.paused: organization admin .*write paused: false, or .*menagerie organization limits admin/,
      ),
    ]);
  });

  it("concern the models that they open, and no others", () => {
    expect(said({ speaker: model(), iris: model() }, ofSpeaker)).toHaveLength(1);
    expect(said({ speaker: model(), iris: model() }, ofAll)).toHaveLength(2);
    expect(said({ speaker: model({ recording: {} }), iris: model({ phase: "off" }) }, ofAll, ofSpeaker)).toEqual([]);
    expect(said({ speaker: model() })).toEqual([]);
  });

  it("are nobody's question where the gateway checks no keys, or the database was not read", async () => {
    // Would throw where it asked a database.
    await checkTokenLimits(spec({ speaker: model() }), { basis: "read" } as never);
    await checkTokenLimits({ ...spec({ speaker: model() }), mesh: { keyCheck: {} } } as never, undefined);
  });
});
