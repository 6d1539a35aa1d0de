import type { PoolUse, PoolUser } from "../capacity/poolUse.ts";
import { describeGpus } from "../capacity/poolUse.ts";
import { counted } from "../counted.ts";
import { html, type Markup } from "../page/markup.ts";
import { tile } from "../page/tile.ts";
import { wide } from "../page/wide.ts";
import { linkByKind, printedBy } from "./frame.ts";

/** GPUs asked for, used and waiting, by pool and by whom. `pools` is undefined where the cluster cannot be asked. */
export function poolsPage(pools: readonly PoolUse[] | undefined, { suffix }: { readonly suffix: string }): Markup {
  return html`<h1>Pools</h1><p class="lead">GPUs of each pool, and which models use them or wait for them.</p>
${pools === undefined && html`<p class="warning">The cluster cannot be asked now, so its pools are not shown.</p>`}
${pools?.length === 0 && html`<p class="nothing">No pool has GPUs, and no model asks for one. Declare a pool under <code>menagerie:pools</code> in the stack’s file.</p>`}
${(pools ?? []).map(poolCard)}
${printedBy(`menagerie status${suffix}`)}`;
}

function poolCard(pool: PoolUse, place: number): Markup {
  const { pool: name, nodes, gpus, used, waiting, most, users } = pool;
  const id = `pool-${place}`;
  const called = name ?? "No pool";
  return html`<section aria-labelledby="${id}"><h2 class="apart" id="${id}">${called}${waiting > 0 && html` <span class="tag warn">${waiting} waiting</span>`}</h2>
<div class="tiles">${tile("Asked for", used + waiting, `by ${counted(users.length, "service")}`)}${tile("Used", used, `of ${counted(gpus, "GPU")}`)}${tile("Waiting", waiting, waiting === 0 ? "no pod waits" : "for a node with free GPUs")}${tile("Nodes", nodes, most === null ? "" : `at most ${counted(most, "GPU")}`)}</div>
<div class="card">${useBar(pool)}${users.length === 0 ? html`<p class="hint">No model asks for its GPUs.</p>` : usersTable(called, users)}</div></section>`;
}

function usersTable(pool: string, users: readonly PoolUser[]): Markup {
  return wide(
    `Users of ${pool}`,
    html`<table><thead><tr><th scope="col">Service</th><th scope="col">Model</th><th scope="col" class="number">Pods</th><th scope="col" class="number">Used</th><th scope="col" class="number">Waiting</th><th scope="col">Why it waits</th></tr></thead>
<tbody>${users.map(
      (user) =>
        html`<tr><th scope="row">${user.service}</th><td>${modelOf(user)}</td><td class="number">${user.pods}</td><td class="number">${user.used}</td><td class="number">${user.waiting}</td><td>${user.because ?? "–"}</td></tr>`,
    )}</tbody></table>`,
  );
}

function modelOf({ model, kind }: PoolUser): Markup {
  if (model === null) return html`–`;
  return html`${linkByKind(model, kind)}${kind !== null && html` <span class="tag">${kind}</span>`}`;
}

/** Used, free and requested GPUs, as parts of all of them. */
function useBar(pool: PoolUse): Markup {
  const { gpus, used, waiting } = pool;
  const all = Math.max(gpus, used) + waiting;
  if (all === 0) return html``;
  const width = (count: number): number => (400 * count) / all;
  const free = Math.max(0, gpus - used);
  return html`<svg viewBox="0 0 400 14" height="14" role="img" aria-label="${describeGpus(pool)}" preserveAspectRatio="none"><rect width="400" height="14" rx="4" fill="var(--agree)"/><rect width="${width(used)}" height="14" rx="4" fill="var(--primary)"/><rect x="${width(used + free)}" width="${width(waiting)}" height="14" rx="4" fill="var(--shadow)"/></svg>`;
}
