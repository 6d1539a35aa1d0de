import { afterAll, beforeAll, expect, test } from "vitest";
import { readState } from "../../src/local/environmentState.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { embeddedTarget } from "../../src/local/target.ts";
import { TestHome } from "../local/support/menagerie.ts";

const multiplierBody = '{"values": ["3.3","62.3","324"]}';
let home: TestHome;

beforeAll(async () => {
  home = await TestHome.create();
  const { code, stderr } = await home.menagerie(["up"]);
  if (code !== 0) throw new Error(stderr);
});

afterAll(() => home.dispose());

test("a second environment runs beside the first, and `--kubeconfig` runs the program against its cluster", async () => {
  const second = await home.menagerie(["up", "-e", "second", "--no-program"]);
  expect(second.code, second.stderr).toBe(0);
  const layout = environmentLayout("second", home.path);
  const state = await readState(layout);
  if (!state) throw new Error("the second environment keeps no state");
  const { kubeconfig, gatewayUrl, apiUrl, databaseServer } = embeddedTarget(layout, state);
  expect(gatewayUrl).not.toBe(JSON.parse((await home.menagerie(["status", "--json"])).stdout).gateway);

  const outside = ["-e", "outside", "--kubeconfig", kubeconfig, "--gateway-url", gatewayUrl];
  // The nodes of that cluster pull from where they always do.
  const images = { MENAGERIE_IMAGE_STORE: layout.images };
  const without = await home.menagerie(["up", ...outside], { env: images });
  expect(without.code).toBe(1);
  expect(without.stdout).toMatch(/menagerie:development: .*; set MENAGERIE_DATABASE_URL and/);
  const env = {
    ...images,
    MENAGERIE_DATABASE_URL: databaseServer?.url ?? "",
    MENAGERIE_DATABASE_ADDRESS: databaseServer?.address ?? "",
    MENAGERIE_API_URL: apiUrl ?? "",
  };
  const { code, stdout, stderr } = await home.menagerie(["up", ...outside], { env });
  expect(code, stdout + stderr).toBe(0);
  for (const environment of ["local", "outside"]) {
    const answer = await home.menagerie(["predict", "multiplier", "-e", environment, "--data", multiplierBody]);
    expect(JSON.parse(answer.stdout)).toEqual({ results: [6.6, 124.6, 648] });
  }
  await home.menagerie(["down", "-e", "second", "--delete"]);
  const gone = await home.menagerie(["up", ...outside], { env });
  expect(gone.code).toBe(2);
  expect(gone.stderr).toMatch(/--kubeconfig .*there is no such file/);
});
