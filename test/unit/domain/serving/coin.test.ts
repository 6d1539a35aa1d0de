import { expect, it } from "vitest";
import { coinCookie, drawnCoin, hashCoin, storedCoin } from "../../../../src/domain/serving/coin.ts";

const name = coinCookie("iris", 7);
const id = "0b9f2c1e-6a54-4a53-9f5e-2d8f2f3b7a10";

it.each([
  [undefined, "drawn 7"],
  ["theirs=1", "drawn 7"],
  [`${name}=new.${id}`, `kept 7 ${id}`],
  [`a=b; ${name}=old.${id} ; c=d`, `kept 7 ${id}`],
  [`menagerie-iris-6=new.x; ${name}=new.${id}`, `kept 7 ${id}`],
  ["menagerie-iris-6=new.x", "drawn 7"],
  [`x${name}=new.${id}`, "drawn 7"],
  [`${name}=both.${id}`, "drawn 7"],
  [`${name}=new`, "kept 7"],
  [`${name}=new.`, "kept 7"],
  [`${name}=new.a b/c`, "kept 7 a b/c"],
  [`${name}=new.${"a".repeat(257)}`, "kept 7"],
])("of the cookies %s, %s is stored", (cookies, stored) => {
  expect(storedCoin(name, cookies)).toBe(stored);
});

it("of a request that is drawn by itself the generation is stored, whatever cookies it has", () => {
  expect(storedCoin(drawnCoin(7), `${name}=new.${id}`)).toBe("coin 7");
});

it.each([
  undefined,
  "",
  "coin",
  "coin x",
  "coin 7 x",
  "iris-7",
  "menagerie-iris-x",
  "menagerie-(iris)-7",
  `${name}, ${name}`,
])("a header that no gateway of ours sends is not stored: %s", (told) => {
  expect(storedCoin(told, `${name}=new.${id}`)).toBeUndefined();
});

const key = "0123456789abcdef0123456789abcdef";
const told = hashCoin({ generation: 7, header: "x-user", key });
const stored = (values: readonly string[] | undefined, by = told) =>
  storedCoin(by, `${name}=new.${id}`, (header) => (header === "x-user" ? values : undefined));

it("of a header's value a keyed hash is stored, the same in every generation and for repeated headers in any order", () => {
  const person = stored(["ada@example.com"]);
  expect(person).toMatch(/^hash 7 [0-9a-f]{32}$/);
  expect(stored(["ada@example.com"], hashCoin({ generation: 8, header: "x-user", key }))).toBe(
    person?.replace("hash 7", "hash 8"),
  );
  expect(stored(["b", "a"])).toBe(stored(["a", "b"]));
  const others = [
    stored(["ada@example.org"]),
    stored([""]),
    stored(["a", "b"]),
    stored(["a, b"]),
    stored(["ada@example.com"], hashCoin({ generation: 7, header: "x-user", key: key.replaceAll("0", "1") })),
  ];
  expect(new Set([person, ...others]).size).toBe(6);
});

it("a request without the header is nobody's", () => {
  expect(stored(undefined)).toBeUndefined();
  expect(stored([])).toBeUndefined();
});

it.each(["hash 7 x-user", `hash x x-user ${key}`, `hash 7 x-user ${key}0`, `hash 7 X-USER ${key}`])(
  "nor is one of which something else is said than a gateway of ours says: %s",
  (by) => {
    expect(stored(["ada"], by)).toBeUndefined();
  },
);
