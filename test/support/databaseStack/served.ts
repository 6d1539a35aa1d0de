import type { dynamic } from "@pulumi/pulumi";

/** One model that is served, in a cluster that a test plays: it answers, refuses, or never does. Kept as the state's inputs. */
interface Served {
  readonly name: string;
  readonly version: number;
  readonly cluster: string;
}

/** Runs in the engine's host of dynamic providers, like those of `src/providers`. */
export const provider: dynamic.ResourceProvider<Served, Served> = {
  check: async (_olds, news) => ({ inputs: news, failures: [] }),
  diff: async (_id, olds, news) => ({ changes: olds.version !== news.version }),
  async create(inputs) {
    await serve(inputs);
    return { id: inputs.name, outs: inputs };
  },
  async update(_id, _olds, news) {
    await serve(news);
    return { outs: news };
  },
  read: async (id, props) => ({ id: id as string, props: props as Served }),
  delete: async () => {},
};

async function serve({ name, version, cluster }: Served): Promise<void> {
  const answer = await fetch(`${cluster}/serve/${name}/${version}`, { method: "PUT" });
  if (!answer.ok) throw new Error(await answer.text());
}
