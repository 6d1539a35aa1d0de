import { cp } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { serverFromUrl, withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { readTarget } from "../../src/local/target.ts";
import type { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { soon as holdsSoon } from "../support/soon.ts";

export type Side = "old" | "new";

interface Standing {
  readonly name: string;
  readonly versions: readonly { readonly id: string; readonly number: number; readonly isCurrent: boolean }[];
}

/** A model of the stack whose old version multiplies by 2 and whose new one multiplies by 3, in phase `copy`. */
export class DividedModel {
  static readonly body = '{"values": ["2"]}';
  readonly name: string;
  readonly #shared: SharedEnvironment;
  readonly #own: readonly string[];
  #from = "";
  #url = "";

  private constructor(shared: SharedEnvironment, name: string, own: readonly string[]) {
    this.#shared = shared;
    this.#own = own;
    this.name = name;
  }

  /** @param lines - of its entry: those that stay, and those of phase `copy` besides */
  static async open(
    shared: SharedEnvironment,
    name: string,
    { own = [], copy = [] }: { readonly own?: readonly string[]; readonly copy?: readonly string[] } = {},
  ): Promise<DividedModel> {
    const model = new DividedModel(shared, name, own);
    const { project } = shared.home;
    await cp(join(project, "models/multiplier"), join(project, "models", name), { recursive: true });
    await model.declare(["phase: done"]);
    await shared.up();
    const { models } = await shared.json<{ models: { name: string; url: string }[] }>("status", "--json");
    model.#url = models.find(({ url }) => url.includes(`/${name}/`))?.url ?? "";
    model.#from = (await model.standing()).versions[0]?.id ?? "";
    await shared.edit(`models/${name}/model/model.py`, (text) =>
      text.replaceAll("Decimal(2)", "Decimal(3)").replaceAll('"FACTOR", "2"', '"FACTOR", "3"'),
    );
    await model.rollout(["phase: copy", ...copy]);
    await shared.up();
    return model;
  }

  get url(): string {
    return this.#url;
  }

  /** Declares the rollout from the old version, as these lines say. */
  rollout(lines: readonly string[]): Promise<void> {
    return this.declare([`from: "${this.#from}"`, ...lines]);
  }

  /** The model's entry as these lines say. */
  async declare(lines: readonly string[]): Promise<void> {
    const entry = [
      `    ${this.name}:`,
      `      truss: models/${this.name}`,
      "      resources: { cpu: 200m, memory: 256Mi }",
      '      smoke: [{ input: { values: ["2"] }, output: { results: [6] } }]',
      ...[...this.#own, ...lines].map((line) => `      ${line}`),
      "",
    ].join("\n");
    await this.#shared.editStack((text) => {
      const without = text.replace(new RegExp(`    ${this.name}:\\n(?:      .*\\n)*`), "");
      return without.replace("  menagerie:zoo:\n", (key) => key + entry);
    });
  }

  async standing(): Promise<Standing> {
    const all = await this.#shared.json<Standing[]>("rollout", "--json");
    const found = all.find(({ name }) => name === this.name);
    if (!found) throw new Error(`${this.name} stands nowhere`);
    return found;
  }

  /** One prediction through the gateway. */
  async send(headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(this.url, { method: "POST", body: DividedModel.body, headers, signal: AbortSignal.timeout(30_000) });
  }

  /** Which version answered it, and the cookie that it set. */
  async ask(
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ readonly side: Side; readonly cookie: string | undefined }> {
    const response = await this.send(headers);
    const text = await response.text();
    const side = response.ok ? sideOf(text) : undefined;
    if (!side) throw new Error(`${response.status} ${text}`);
    return { side, cookie: response.headers.getSetCookie()[0]?.split(";")[0] };
  }

  /** Asks `count` times, twenty requests at once; answers how often the new version answered. */
  async askTimes(count: number, headers?: Readonly<Record<string, string>>): Promise<number> {
    const sides = await this.askAll(Array.from({ length: count }, () => headers));
    return sides.filter((side) => side === "new").length;
  }

  /** Asks once with each of these headers, twenty requests at once; answers the sides in their order. */
  async askAll(asked: readonly (Readonly<Record<string, string>> | undefined)[]): Promise<Side[]> {
    const sides: Side[] = [];
    let next = 0;
    const one = async () => {
      while (next < asked.length) {
        const place = next;
        next += 1;
        sides[place] = (await this.ask(asked[place])).side;
      }
    };
    await Promise.all(Array.from({ length: 20 }, one));
    return sides;
  }

  async inDatabase<T>(work: Parameters<typeof withClient<T>>[2]): Promise<T> {
    const layout = environmentLayout("local", this.#shared.home.path);
    const { url = "" } = (await readTarget(layout))?.databaseServer ?? {};
    return withClient(serverFromUrl(url, "the environment's"), platformDatabase, work);
  }
}

/** Which version an answer to {@link DividedModel.body} is of; undefined for another answer. */
export function sideOf(text: string): Side | undefined {
  const [result] = (JSON.parse(text) as { results: readonly number[] }).results;
  return result === 4 ? "old" : result === 6 ? "new" : undefined;
}

/** Whether `found` of `count` may be a draw by `share`: a wrong alarm is rarer than one in a million. */
export function expectDrawn(found: number, count: number, share: number): void {
  const allowed = 5 * Math.sqrt(count * share * (1 - share));
  expect(Math.abs(found - count * share), `${found} of ${count}`).toBeLessThanOrEqual(allowed);
}

/** The gateway hears of a change within a moment of its being written. */
export const soon = (check: () => Promise<void>) => holdsSoon(check, { within: 30_000 });
