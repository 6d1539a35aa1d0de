import type { Client } from "pg";
import { ensurePredictionTables } from "../../../src/adapters/postgres/predictions/ensureTables.ts";

/** Words of an answer; a stream has an event for each. */
const wordsOfAnswer = 150;

/** Pairs whose answers hold ten numbers and a label, over the hours of yesterday; `share` percent of them differ. */
export async function fillPairs(client: Client, pairs: number, share: number): Promise<void> {
  for (const schema of ["doubled", "tripled"]) {
    await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    await ensurePredictionTables(client, schema);
    await client.query(`SELECT ${schema}.make_prediction_day((now() AT TIME ZONE 'UTC')::date - 1)`);
    await client.query(
      `INSERT INTO ${schema}.inference_requests
         (day, request_id, attempt, request_time, request_data, request_bytes, truncated, unpaired, predict_url, headers)
       SELECT at::date, md5(n::text), 1, at AT TIME ZONE 'UTC', jsonb_build_object('values', jsonb_build_array(n, n + 1)),
              30, false, false, '/v1/models/model:predict', '{}'
         FROM generate_series(1, $1::integer) n,
              LATERAL (SELECT date_trunc('day', now() AT TIME ZONE 'UTC') - interval '1 day' + n * interval '80 ms') t(at)`,
      [pairs],
    );
    await client.query(
      `INSERT INTO ${schema}.inference_response
         (day, request_id, attempt, response_data, response_bytes, truncated, status, latency_ms, model_version)
       SELECT day, request_id, attempt,
              jsonb_build_object('label', 'setosa', 'scores',
                (SELECT jsonb_agg(((request_data->'values'->>0)::double precision + k) * CASE WHEN $1 THEN 1.5 ELSE 1 END)
                   FROM generate_series(1, 10) k)),
              200, false, 200, 5 + random() * 20, 'v1'
         FROM (SELECT *, (request_data->'values'->>0)::integer % 100 < $2 AS changed FROM ${schema}.inference_requests) q
        WHERE NOT ($1 AND NOT changed)`,
      [schema === "tripled", share],
    );
    if (schema === "tripled") {
      await client.query(
        `INSERT INTO tripled.inference_response SELECT * FROM doubled.inference_response
         ON CONFLICT DO NOTHING`,
      );
    }
    await client.query(`ANALYZE ${schema}.inference_requests, ${schema}.inference_response`);
  }
}

/** Chats as recorders store them: the joined answer, the stream beside it, the first token's time, the tokens. */
export async function fillChats(client: Client, pairs: number): Promise<void> {
  for (const schema of ["doubled", "tripled"]) {
    await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    await ensurePredictionTables(client, schema);
    await client.query(`SELECT ${schema}.make_prediction_day((now() AT TIME ZONE 'UTC')::date - 1)`);
    await client.query(
      `INSERT INTO ${schema}.inference_requests
         (day, request_id, attempt, request_time, request_data, request_bytes, truncated, unpaired, predict_url, headers, operation)
       SELECT at::date, md5(n::text), 1, at AT TIME ZONE 'UTC',
              jsonb_build_object('model', 'm', 'stream', true, 'temperature', n % 2, 'messages',
                jsonb_build_array(jsonb_build_object('role', 'user', 'content', 'question ' || n))),
              120, false, false, '/v1/chat/completions', '{}', 'chat'
         FROM generate_series(1, $1::integer) n,
              LATERAL (SELECT date_trunc('day', now() AT TIME ZONE 'UTC') - interval '1 day' + n * interval '80 ms') t(at)`,
      [pairs],
    );
    await client.query(
      `INSERT INTO ${schema}.inference_response
         (day, request_id, attempt, response_data, response_raw, response_bytes, truncated, status, latency_ms, model_version, streamed,
          first_token_ms, prompt_tokens, completion_tokens)
       SELECT q.day, q.request_id, 1,
              jsonb_build_object('id', $1 || q.request_id, 'object', 'chat.completion', 'created', 1, 'model', 'm',
                'usage', jsonb_build_object('prompt_tokens', 9, 'completion_tokens', $2::integer, 'total_tokens', 9 + $2::integer),
                'choices', jsonb_build_array(jsonb_build_object('index', 0, 'finish_reason', 'stop', 'message',
                  jsonb_build_object('role', 'assistant', 'content', said.content)))),
              convert_to(repeat('data: {"id":"' || $1 || q.request_id || '","choices":[{"index":0,"delta":{"content":"word "}}]}' || chr(10) || chr(10),
                $2::integer), 'UTF8'),
              100 * $2::integer, false, 200, 3000 + random() * 1000, 'v1', true, 100 + random() * 200, 9, $2::integer
         FROM ${schema}.inference_requests q,
              LATERAL (SELECT string_agg('w' || (hashtext(q.request_id) + k) % 5000, ' ' ORDER BY k)
                              || CASE WHEN $1 = 'tripled' AND hashtext(q.request_id) % 10 = 0 THEN ' otherwise' ELSE '' END
                         FROM generate_series(1, $2::integer) k) said(content)`,
      [schema, wordsOfAnswer],
    );
    await client.query(`ANALYZE ${schema}.inference_requests, ${schema}.inference_response`);
  }
}
