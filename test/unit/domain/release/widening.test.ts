import { expect, it } from "vitest";
import { isWidening } from "../../../../src/domain/release/widening.ts";

it.each([
  ["integer", "bigint", true],
  ["bigint", "integer", false],
  ["bigint", "double precision", false],
  ["character varying(3)", "text", true],
  ["character varying(3)", "character varying(9)", true],
  ["character varying(9)", "character varying(3)", false],
  ["text", "character varying(9)", false],
  ["numeric(5,2)", "numeric(9,4)", true],
  ["numeric(5,2)", "numeric(6,4)", false],
  ["numeric", "numeric(9,4)", false],
  ["numeric(5,2)", "numeric", true],
  ["character(3)", "character(5)", false],
  ["timestamp(3) with time zone", "timestamp(6) with time zone", true],
  ["timestamp with time zone", "timestamp without time zone", false],
  ["text", "numeric", false],
])("%s to %s keeps every value: %s", (from, to, keeps) => {
  expect(isWidening(from, to)).toBe(keeps);
});
