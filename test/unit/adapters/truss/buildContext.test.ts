import { expect, test } from "vitest";
import { snapshotToBuild } from "../../../../src/adapters/truss/buildContext.ts";
import { parseTrussConfig } from "../../../../src/domain/truss/config.ts";
import { configText } from "../../../../src/domain/truss/signature.ts";
import { textSnapshot } from "../../domain/truss/vectors.ts";

test("what a control truss is built from keeps every value as it is written", () => {
  const text =
    "use_control_plane: true\nlive_reload: false\nenvironment_variables: {SHA: 12e4567, Z: 08, L: 1e3, Y: y, Q: '7'}\nlive_reload: off\n";
  const built = configText(snapshotToBuild(textSnapshot({ "config.yaml": text }), parseTrussConfig(text), true));
  expect(parseTrussConfig(built)).toEqual({ ...parseTrussConfig(text), live_reload: true });
});
