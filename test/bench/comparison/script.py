"""What one writes to compare two models' recorded chats without the platform: one query, pandas, difflib. Prints what it took."""
import difflib
import json
import resource
import sys
import time

import pandas
import psycopg

IGNORED = ("id", "created", "system_fingerprint")


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def processor():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


with psycopg.connect(sys.argv[1]) as connection:
    idle, started, before = peak(), time.monotonic(), processor()
    cursor = connection.execute(
        """SELECT p.request_id, p.status AS status_a, s.status AS status_b, p.latency_ms AS latency_a, s.latency_ms AS latency_b,
                  p.response_data AS a, s.response_data AS b
             FROM doubled.inference_response p JOIN tripled.inference_response s USING (day, request_id, attempt)"""
    )
    pairs = pandas.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])

    def words(answer):
        return [choice["message"]["content"] for choice in answer["choices"]]

    def differs(row):
        left, right = ({key: value for key, value in side.items() if key not in IGNORED} for side in (row.a, row.b))
        return row.status_a != row.status_b or left != right

    pairs["differs"] = [differs(row) for row in pairs.itertuples()]
    worst = pairs[pairs.differs].copy()
    worst["likeness"] = [
        difflib.SequenceMatcher(None, " ".join(words(row.a)).split(), " ".join(words(row.b)).split()).ratio()
        for row in worst.itertuples()
    ]
    worst = worst.sort_values("likeness").head(12)
    pairs[["latency_a", "latency_b"]].quantile([0.5, 0.95, 0.99])
    print(
        json.dumps(
            {
                "seconds": time.monotonic() - started,
                "cpuSeconds": processor() - before,
                "mismatches": int(pairs.differs.sum()),
                "megabytes": peak() - idle,
            }
        )
    )
