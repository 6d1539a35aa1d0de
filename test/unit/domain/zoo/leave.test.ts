import { describe, expect, it } from "vitest";
import { type LeaveRequest, leaveIssues, leaveWarnings, type NamedApp } from "../../../../src/domain/zoo/leave.ts";
import type { Phase } from "../../../../src/domain/zoo/phases.ts";

const key = (model: string, ...path: readonly (string | number)[]) => `zoo.${[model, ...path].join(".")}`;
const request = (leave: string[], change: Partial<LeaveRequest> = {}): LeaveRequest => ({
  model: "iris",
  phase: "bake",
  from: "11",
  leave,
  ...change,
});
const app = (change: Partial<NamedApp> = {}): NamedApp => ({
  id: "7",
  pointsAt: { id: "11", model: "iris", number: 1 },
  isDeleted: false,
  wasMoved: true,
  ...change,
});
const messages = (list: readonly { readonly message: string }[]) => list.map(({ message }) => message);

describe("a list of apps to leave says by itself", () => {
  it.each<[string, LeaveRequest, string[]]>([
    ["nothing of ids of apps", request(["6", "7"]), []],
    ["nothing where it is empty", request([], { from: undefined }), []],
    [
      "that there is no rollout",
      request(["7"], { from: undefined }),
      ["zoo.iris.leave: is for a rollout, and zoo.iris.from is missing; remove the key"],
    ],
    [
      "what can be no id, and what stands there twice",
      request(["x", "7", "7", "-1"]),
      [
        `zoo.iris.leave.0: "x" is not an app's id; give one that \`menagerie app list\` shows, or remove it`,
        'zoo.iris.leave.2: "7" is listed twice; remove one of the two',
        `zoo.iris.leave.3: "-1" is not an app's id; give one that \`menagerie app list\` shows, or remove it`,
      ],
    ],
    ["nothing of another table's ids", request(["x"], { table: "oracles" }), []],
  ])("%s", (_what, asked, says) => expect(messages(leaveIssues(asked, key))).toEqual(says));
});

describe("of an app that is listed, the database shows", () => {
  const says = (found: readonly NamedApp[], change: Partial<LeaveRequest> = {}) =>
    messages(leaveWarnings(request(["7"], change), found, key));

  it("nothing where its owner pointed it back", () => expect(says([app()])).toEqual([]));

  it.each<[string, NamedApp[], Partial<LeaveRequest>, string]>([
    ["that there is none", [], {}, 'zoo.iris.leave.0: the platform has no app "7"; correct it, or remove it'],
    [
      "so in another table",
      [],
      { table: "oracles" },
      'zoo.iris.leave.0: oracles has no app "7"; correct it, or remove it',
    ],
    ["that it is deleted", [app({ isDeleted: true })], {}, "zoo.iris.leave.0: app 7 is deleted; remove it"],
    [
      "that it is another model's",
      [app({ pointsAt: { id: "11", model: "wine_copy", number: 1 } })],
      {},
      "zoo.iris.leave.0: app 7 is an app of wine, not of iris; correct it, or list it at zoo.wine.leave",
    ],
    [
      "that it has moved on",
      [app({ pointsAt: { id: "12", model: "iris", number: 2 } })],
      {},
      "zoo.iris.leave.0: app 7 points at version 2 of iris (id 12), which is not the version that the rollout leaves; remove it",
    ],
    [
      "so in a table that has no numbers",
      [app({ pointsAt: { id: "57" } })],
      { table: "oracles", from: "41" },
      "zoo.iris.leave.0: app 7 points at version 57, which is not the version that the rollout leaves; remove it",
    ],
    [
      "that it will be moved",
      [app({ wasMoved: false })],
      {},
      "zoo.iris.leave.0: app 7 was not moved yet, and phase forward moves it; list it after its owner has pointed it back",
    ],
  ])("%s", (_what, found, change, sentence) => expect(says(found, change)).toEqual([sentence]));

  it.each<Phase>(["done", "reverted"])("nothing of one that nothing moves in phase %s", (phase) => {
    expect(says([app({ wasMoved: false })], { phase })).toEqual([]);
  });

  it("nothing of where it is once everybody is back", () => {
    expect(says([app({ pointsAt: { id: "12", model: "iris", number: 2 } })], { phase: "reverted" })).toEqual([]);
  });

  it("nothing a second time of what the list says by itself", () => {
    expect(leaveWarnings(request(["x", "7", "7"]), [app()], key)).toEqual([]);
    expect(leaveWarnings(request(["7"], { from: undefined }), [], key)).toEqual([]);
  });
});
