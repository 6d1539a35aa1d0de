import { expect, test } from "vitest";
import { digest, loadFastDigest } from "../../../../src/domain/truss/digest.ts";

/** Around BLAKE3's blocks of 64 bytes and chunks of 1024. */
const sizes = [0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 2049, 5000, 100_000];

test("the fast digest is the portable one", async () => {
  const contents = sizes.map((size) => Uint8Array.from({ length: size }, (_, index) => index % 251));
  const portable = contents.map(digest);
  await loadFastDigest();
  expect(contents.map(digest)).toEqual(portable);
});
