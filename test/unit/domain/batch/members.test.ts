import { expect, it } from "vitest";
import { membersOf } from "../../../../src/domain/batch/members.ts";

const textOf = (text: string, name: string): string | undefined =>
  membersOf(text).findLast((member) => member.name === name)?.value;

it("a member's value is what is written, numbers and spaces and all", () => {
  const text = ' { "a" : 1.0 ,\t"body":{ "n": 9007199254740993, "x":[1.50, {"y":"}]\\""}] } , "z":null} ';
  expect(textOf(text, "a")).toBe("1.0");
  expect(textOf(text, "body")).toBe('{ "n": 9007199254740993, "x":[1.50, {"y":"}]\\""}] }');
  expect(textOf(text, "z")).toBe("null");
  expect(textOf(text, "x")).toBeUndefined();
});

it("quotes and backslashes in strings end nothing too early", () => {
  for (const value of ['"', "\\", '\\"', '\\\\"', 'a"b\\', "{[", "\u2028"]) {
    const text = JSON.stringify({ [value]: value, body: [value, { [value]: 1 }], last: true });
    expect(textOf(text, value)).toBe(JSON.stringify(value));
    expect(JSON.parse(textOf(text, "body") ?? "")).toEqual([value, { [value]: 1 }]);
    expect(textOf(text, "last")).toBe("true");
  }
});

it("a name is read as JSON reads it, and of two the last counts", () => {
  expect(textOf('{"bo\\u0064y": 1, "body": 2}', "body")).toBe("2");
  expect(textOf('{"body": 1, "bo\\u0064y": 2}', "body")).toBe("2");
});

it("an empty object has none", () => {
  for (const text of ["{}", " { } "]) expect(membersOf(text)).toEqual([]);
});

it("whatever an object holds, its members put together are the object again", () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const value = (depth: number): unknown => {
    const kind = random(depth > 3 ? 4 : 6);
    if (kind === 0) return random(1000) / 7;
    if (kind === 1) return ["", '"', "\\", "}", "a,b:c", "]\n"][random(6)];
    if (kind === 2) return [true, false, null][random(3)];
    if (kind === 3) return 1 - random(10);
    const many = Array.from({ length: random(4) }, () => value(depth + 1));
    return kind === 4
      ? many
      : Object.fromEntries(many.map((each, index) => [`${'"'.repeat(random(3))}${index}`, each]));
  };
  for (let round = 0; round < 500; round += 1) {
    const object = { a: value(0), b: value(0), c: value(0) };
    const text = JSON.stringify(object, null, random(3));
    const parts = membersOf(text);
    expect(JSON.parse(`{${parts.map((part) => part.text).join(",")}}`)).toEqual(object);
    expect(parts.map(({ name, value: own }) => [name, JSON.parse(own)])).toEqual(Object.entries(object));
  }
});
