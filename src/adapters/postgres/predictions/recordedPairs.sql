-- $1 day of the primary's requests, $2 $3 time of the requests, $4 $5 versions or null, $6 bytes of two bodies read at once, $7 fields of a
-- request that say whether it is sampled, $8 beginning of ids that a comparison itself has sent, $9 operations whose requests may be sampled, $10 whether their answers are read
-- where they are equal too, $11 by operation ('' where it is not known) the keys of an answer that do not count. For a cursor that reads everything:
-- each table is scanned once, in the order of its rows, and joined by hash.
SELECT p.request_id,
       p.attempt,
       s.day::text AS shadow_day,
       extract(epoch FROM p.request_time)::double precision * 1000 AS at,
       p.status AS primary_status,
       s.status AS shadow_status,
       p.failure AS primary_failure,
       s.failure AS shadow_failure,
       p.latency_ms AS primary_latency,
       s.latency_ms AS shadow_latency,
       p.truncated AS primary_truncated,
       s.truncated AS shadow_truncated,
       p.content_encoding AS primary_encoding,
       s.content_encoding AS shadow_encoding,
       p.operation,
       p.predict_url,
       p.first_token_ms AS primary_first_token,
       s.first_token_ms AS shadow_first_token,
       p.completion_tokens AS primary_tokens,
       s.completion_tokens AS shadow_tokens,
       CASE WHEN (same.body AND p.operation <> ALL ($9::text[])) OR p.request_data IS NULL THEN NULL
            WHEN jsonb_typeof(p.request_data) <> 'object' THEN 'null'
            ELSE (SELECT coalesce(jsonb_object_agg(field, p.request_data->field)::text, '{}')
                    FROM unnest($7::text[]) field WHERE p.request_data ? field)
            END AS sampling,
       CASE WHEN (NOT same.body OR p.operation IS NULL OR p.operation = ANY ($9::text[]))
             AND p.request_data IS NULL AND NOT p.request_truncated AND p.request_bytes <= 1048576
            THEN p.request_raw END AS request_raw,
       p.request_encoding,
       same.body AS same_body,
       -- Read apart, by the pair's key, so that a batch holds a bounded number of bytes.
       large.bodies AS large_bodies,
       CASE WHEN NOT same.body AND NOT large.bodies THEN p.response_data::text END AS primary_data,
       CASE WHEN NOT same.body AND NOT large.bodies THEN s.response_data::text END AS shadow_data,
       CASE WHEN NOT same.body AND NOT large.bodies AND p.response_data IS NULL THEN p.response_raw END AS primary_raw,
       CASE WHEN NOT same.body AND NOT large.bodies AND s.response_data IS NULL THEN s.response_raw END AS shadow_raw
  FROM (SELECT q.request_id, q.attempt, q.request_time, q.request_data, q.request_raw, q.request_bytes, q.truncated AS request_truncated,
               q.headers->>'content-encoding' AS request_encoding, q.operation, q.predict_url,
               r.response_data, r.response_raw, r.response_bytes, r.truncated, r.content_encoding, r.status, r.failure,
               r.latency_ms, r.streamed, r.first_token_ms, r.completion_tokens
          FROM :primary.inference_requests q
          JOIN :primary.inference_response r USING (request_id, attempt)
         WHERE q.day = $1 AND r.day = $1 AND NOT q.unpaired
           AND q.request_time >= $2 AND q.request_time < $3 AND NOT starts_with(q.request_id, $8)
           AND ($4::text IS NULL OR r.model_version = $4)) p
  JOIN (SELECT day, q.request_id, q.attempt, q.request_time, q.request_data, q.request_raw,
               r.response_data, r.response_raw, r.response_bytes, r.truncated, r.content_encoding, r.status, r.failure,
               r.latency_ms, r.streamed, r.first_token_ms, r.completion_tokens
          FROM :shadow.inference_requests q
          JOIN :shadow.inference_response r USING (day, request_id, attempt)
         WHERE q.day BETWEEN $1 - 1 AND $1 + 1 AND r.day BETWEEN $1 - 1 AND $1 + 1 AND NOT q.unpaired
           AND ($5::text IS NULL OR r.model_version = $5)) s
    ON s.request_id = p.request_id AND s.attempt = p.attempt
   -- A copy is on its way for seconds; an id that is used again another day is another request.
   AND s.request_time BETWEEN p.request_time - interval '1 hour' AND p.request_time + interval '1 hour'
 CROSS JOIN LATERAL (SELECT ARRAY(SELECT jsonb_array_elements_text($11::jsonb->coalesce(p.operation, ''))) AS keys OFFSET 0) uncounted
 -- OFFSET 0: evaluated once for each pair, not wherever it is used.
 CROSS JOIN LATERAL (SELECT NOT p.truncated AND NOT s.truncated
                            -- An equal answer to a sampled request is judged by what the primary answers again, so it is read.
                            AND NOT ($10::boolean AND (p.operation IS NULL OR p.operation = ANY ($9::text[])))
                            -- Of a stream, data is its answer, and raw has ids and times in every event.
                            AND CASE WHEN p.response_data IS NOT NULL AND s.response_data IS NOT NULL
                                     THEN p.response_data = s.response_data
                                       -- Most answers that say the same have another id. Of a list, minus deletes texts.
                                       OR CASE WHEN jsonb_typeof(p.response_data) = 'object' AND jsonb_typeof(s.response_data) = 'object'
                                               THEN p.response_data - uncounted.keys = s.response_data - uncounted.keys ELSE false END
                                     ELSE p.response_data IS NULL AND s.response_data IS NULL
                                      AND p.response_raw IS NOT NULL AND p.response_raw IS NOT DISTINCT FROM s.response_raw
                                      AND p.content_encoding IS NOT DISTINCT FROM s.content_encoding END
                            AS body OFFSET 0) same
 CROSS JOIN LATERAL (SELECT NOT same.body AND NOT p.truncated AND NOT s.truncated
                            -- The events of a stream are many times its answer; stored, that is compressed some eight times at most.
                            AND CASE WHEN p.streamed AND p.response_data IS NOT NULL
                                     THEN least(p.response_bytes, 8 * pg_column_size(p.response_data)) ELSE p.response_bytes END
                              + CASE WHEN s.streamed AND s.response_data IS NOT NULL
                                     THEN least(s.response_bytes, 8 * pg_column_size(s.response_data)) ELSE s.response_bytes END
                              > $6::bigint AS bodies OFFSET 0) large
 -- Where an id was used again, a lost copy shifts the attempts of one side against the other's.
 WHERE CASE WHEN p.request_id IN (SELECT request_id FROM :primary.inference_requests WHERE day = $1 AND attempt > 1)
              OR p.request_id IN (SELECT request_id FROM :shadow.inference_requests
                                   WHERE day BETWEEN $1 - 1 AND $1 + 1 AND attempt > 1)
            THEN p.request_data IS NOT DISTINCT FROM s.request_data AND p.request_raw IS NOT DISTINCT FROM s.request_raw
            ELSE true END
