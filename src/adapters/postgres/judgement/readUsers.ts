import type { ClientBase } from "pg";
import { drawnWithin, everyHash, type HashDraw, type HashRange } from "../../../domain/judgement/hashedUsers.ts";
import type { WeightStep } from "../../../domain/judgement/routedRows.ts";
import { type DrawnUsers, userWindow } from "../../../domain/judgement/userRows.ts";
import type { Second } from "../../../domain/traffic/seconds.ts";
import { instant } from "../traffic/sources.ts";
import { type ToldAsked, type ToldSince, toldRequests } from "./toldRequests.ts";

/**
 * Users whose side a gateway drew: by their first requests, of those that were over from `since` until `until`; and by all requests, of those who
 * were drawn `userWindow` before. Of a user whose first request took longer than that, nothing is told. Those by the hash of a header are noted, once
 * under each generation of the traffic, in the transaction that the client is in.
 */
export async function readUsers(client: ClientBase, asked: ToldAsked, range: ToldSince): Promise<DrawnUsers[]> {
  const dividing = asked.steps.filter(({ weight }) => weight > 0 && weight < 100);
  const isHashed = ({ isHashed: byHash = false }: WeightStep) => byHash;
  return [
    ...(dividing.some((step) => !isHashed(step)) ? await cookieUsers(client, asked, range) : []),
    ...(dividing.some(isHashed) ? await hashedUsers(client, asked, range) : []),
  ];
}

async function cookieUsers(client: ClientBase, asked: ToldAsked, range: ToldSince): Promise<DrawnUsers[]> {
  const { since, until, drawnFrom } = range;
  const rows = await toldRequests<Omit<DrawnUsers, "side"> & Sided>(client, "cookieUsers.sql", asked, range, [
    ...[instant(since), instant(until), instant(drawnFrom), userWindow],
  ]);
  return rows.map(sided);
}

interface Sided {
  readonly isNew: boolean;
}

interface FirstRequest extends Sided {
  readonly generation: number;
  readonly person: string;
  readonly at: Date;
  readonly ended: Second;
  readonly failed: boolean;
  readonly from: number | null;
  readonly until: number | null;
}

async function hashedUsers(client: ClientBase, asked: ToldAsked, range: ToldSince): Promise<DrawnUsers[]> {
  const { since, until, drawnFrom } = range;
  const ofContent = [asked.modelId, asked.hash];
  const ended = [instant(since), instant(until), ...ofContent];
  const firsts = await toldRequests<FirstRequest>(client, "hashDraws.sql", asked, range, ended);
  const draws = drawsOf(firsts, asked.steps);
  const noted = await noteDraws(client, asked, draws);
  const first = draws.flatMap(({ request, chance }): DrawnUsers[] => {
    const { generation, person, isNew, failed } = request;
    if (chance === undefined || !noted.has(`${generation} ${person}`)) return [];
    const second = Math.floor(request.ended);
    return [sided({ of: "first" as const, second, generation, chance, isNew, share: failed ? 1 : 0, users: 1 })];
  });
  const whole = await toldRequests<Omit<DrawnUsers, "side" | "of"> & Sided>(client, "hashedUsers.sql", asked, range, [
    ...[...ended, instant(drawnFrom), userWindow],
  ]);
  return [...first, ...whole.map((row) => sided({ of: "whole" as const, ...row }))];
}

interface NotedDraw extends HashDraw {
  readonly request: FirstRequest;
}

/** In order of generations: of a user with several, each tells what is known for the next. */
function drawsOf(firsts: readonly FirstRequest[], steps: readonly WeightStep[]): NotedDraw[] {
  const weights = new Map(steps.map(({ generation, weight }) => [generation, weight]));
  const known = new Map<string, HashRange>();
  return firsts.map((request) => {
    const { person, from, until, isNew, generation } = request;
    const stored = from === null || until === null ? everyHash : { from, until };
    const draw = drawnWithin(known.get(person) ?? stored, weights.get(generation) ?? 0, isNew);
    known.set(person, draw.known);
    return { request, ...draw };
  });
}

/** Answers those that were not noted before, as `<generation> <person>`. */
async function noteDraws(
  client: ClientBase,
  { modelId, hash }: Pick<ToldAsked, "modelId" | "hash">,
  draws: readonly NotedDraw[],
): Promise<ReadonlySet<string>> {
  if (draws.length === 0) return new Set();
  const { rows } = await client.query<{ noted: string }>(
    `INSERT INTO menagerie.hashed_user (model_id, truss_hash, person, generation, is_new, at, hash_from, hash_until, chance)
     SELECT $1, $2, * FROM unnest($3::text[], $4::bigint[], $5::boolean[], $6::timestamptz[], $7::integer[], $8::integer[], $9::float8[])
     ON CONFLICT DO NOTHING RETURNING generation || ' ' || person AS noted`,
    [
      ...[modelId, hash],
      draws.map(({ request }) => request.person),
      draws.map(({ request }) => request.generation),
      draws.map(({ request }) => request.isNew),
      draws.map(({ request }) => request.at),
      draws.map(({ known }) => known.from),
      draws.map(({ known }) => known.until),
      draws.map(({ chance }) => chance ?? null),
    ],
  );
  return new Set(rows.map(({ noted }) => noted));
}

function sided<Row extends Sided>({ isNew, ...row }: Row): Omit<Row, "isNew"> & Pick<DrawnUsers, "side"> {
  return { ...row, side: isNew ? "new" : "old" };
}
