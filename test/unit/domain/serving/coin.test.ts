import { expect, it } from "vitest";
import { coinCookie, storedCoin } from "../../../../src/domain/serving/coin.ts";

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

it.each([undefined, "", "iris-7", "menagerie-iris-x", "menagerie-(iris)-7", `${name}, ${name}`])(
  "a header that no gateway of ours sends is not stored: %s",
  (told) => {
    expect(storedCoin(told, `${name}=new.${id}`)).toBeUndefined();
  },
);
