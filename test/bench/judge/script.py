"""What one writes to judge a rollout at every look: intervals of both versions' failures, from sums that grow by a row. Prints microseconds for a look."""
import json
import math
import sys
import time

rows = [json.loads(line) for line in open(sys.argv[1])]
points, looks = json.loads(sys.argv[2]), int(sys.argv[3])
risk = 0.005


def wilson():
    from scipy.stats import norm

    def interval(failed, requests):
        z = norm.ppf(1 - risk)
        rate, z2 = failed / requests, z * z / requests
        spread = z * math.sqrt(rate * (1 - rate) / requests + z2 / (4 * requests))
        return (rate + z2 / 2 - spread) / (1 + z2), (rate + z2 / 2 + spread) / (1 + z2)

    return interval


def scipy_wilson():
    from scipy.stats import binomtest

    return lambda failed, requests: binomtest(failed, requests).proportion_ci(1 - 2 * risk, method="wilson")


def confseq():
    from confseq.boundaries import bernoulli_confidence_interval

    return lambda failed, requests: bernoulli_confidence_interval(failed, requests, 2 * risk, 1_000)


def took(interval):
    found, sums = {}, [0, 0, 0, 0]
    for number, row in enumerate(rows, 1):
        started = time.perf_counter()
        sums = [a + b for a, b in zip(sums, row)]
        point = next((each for each in points if each - looks < number <= each), None)
        if point is None:
            continue
        for failed, requests in ((sums[0], sums[1]), (sums[2], sums[3])):
            if requests > 0:
                interval(failed, requests)
        found.setdefault(str(point), []).append((time.perf_counter() - started) * 1e6)
    return {point: sorted(each)[len(each) // 2] for point, each in found.items()}


answer = {}
for name, make in (("Wilson's formula with scipy.stats.norm", wilson), ("scipy.stats.binomtest", scipy_wilson), ("confseq", confseq)):
    try:
        answer[name] = took(make())
    except ImportError:
        answer[name] = None
print(json.dumps(answer))
